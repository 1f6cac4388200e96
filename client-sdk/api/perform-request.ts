import { clientServer } from '@candor/spec';
import type { EngineRequest } from '../signal/engine-context.ts';
import { authenticate, type Proofs } from './authenticate.ts';
import type { HomeserverApi } from './homeserver-api.ts';

/** Makes a request of the Signal engine; gives the answer's JSON. */
export const performRequest = (
  api: HomeserverApi,
  request: EngineRequest,
  proofs: Proofs,
): Promise<unknown> => {
  const { operation, body } = request;
  const params =
    request.operation === 'sendToDevice'
      ? { eventType: request.eventType, txnId: request.txnId }
      : {};
  return authenticate(
    (auth) =>
      api.send(clientServer[operation], { params, body: { ...body, ...(auth && { auth }) } }),
    proofs,
  );
};
