import { isObject, type JsonObject } from '@candor/federation';
import { PeerError, type PeerRequest } from '@candor/federation/transport';
import type { RemoteContext } from './remote-context.ts';

export type Question = Pick<
  PeerRequest,
  'method' | 'query' | 'content' | 'timeoutMs' | 'maxBytes'
> & {
  readonly server: string;
  /** Behind `/_matrix/federation`, one entry for each part: `['v1', 'event', eventId]`. */
  readonly path: readonly string[];
};

/** Asks another server; the answer is an object, its members unchecked. Throws `PeerError`. */
export const askPeer = async (
  { federation }: Pick<RemoteContext, 'federation'>,
  { server, path, ...request }: Question,
): Promise<JsonObject> => {
  const { body } = await federation.client.request({
    ...request,
    destination: server,
    path: `/_matrix/federation/${path.map(encodeURIComponent).join('/')}`,
  });
  if (isObject(body)) return body;
  throw new PeerError('bad-answer', `${server}: the answer is no object`);
};
