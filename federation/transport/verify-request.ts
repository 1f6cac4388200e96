import { limits } from '@candor/spec';
import { splitServerName } from '../discovery/split-server-name.ts';
import type { Json } from '../events/room-event.ts';
import { CanonicalJsonError } from '../json/canonical-json.ts';
import {
  type Authorization,
  parseAuthorization,
  requestSignedBytes,
  type SignableRequest,
} from '../requests/x-matrix.ts';
import type { KeyRing } from './key-ring.ts';
import { verifySignature } from './verify-signature.ts';

export type InboundRequest = {
  /** Upper case. */
  readonly method: string;
  /** Path and query exactly as received. */
  readonly uri: string;
  /** The parsed body; absent when there is none. */
  readonly content?: Json;
  /** The body exactly as received. One float in an EDU must not keep back all that its server has to tell. */
  readonly contentText?: string;
  /** Every `Authorization` header of the request. */
  readonly authorization: readonly string[];
};

export type RequestVerdict =
  | { readonly allowed: true; readonly origin: string }
  | { readonly allowed: false; readonly rule: string; readonly reason: string };

export type RequestVerifier = {
  readonly serverName: string;
  readonly keyRing: Pick<KeyRing, 'keysFor'>;
  readonly now: () => number;
  /** Servers that we deal with; see `createServerGate`. */
  readonly isAllowed?: (serverName: string) => boolean;
};

const refused = (rule: string, reason: string): RequestVerdict => ({
  allowed: false,
  rule,
  reason,
});

const bytesOf = (request: SignableRequest): Buffer | undefined => {
  try {
    return requestSignedBytes(request);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return undefined;
    throw error;
  }
};

/** The first good signature decides; the key must be one the origin signs with now. */
const isSigned = async (
  signedBytes: Buffer,
  headers: readonly Authorization[],
  { keyRing, now }: RequestVerifier,
): Promise<'signed' | 'no valid key' | 'bad signature'> => {
  const requests = headers.map(({ origin, keyId }) => ({
    serverName: origin,
    keyId,
    minimumValidUntil: now(),
  }));
  const keys = await keyRing.keysFor(requests);
  if (keys.size === 0) return 'no valid key';
  for (const [i, { signature }] of headers.entries()) {
    const request = requests[i];
    const key = request && keys.get(request);
    if (key && (await verifySignature(signedBytes, signature, key))) return 'signed';
  }
  return 'bad signature';
};

/** Which server sent a request, by its X-Matrix headers. Every refusal is answered with status 401, M_UNAUTHORIZED. */
// https://spec.matrix.org/v1.19/server-server-api/#request-authentication
export const verifyRequest = async (
  request: InboundRequest,
  verifier: RequestVerifier,
): Promise<RequestVerdict> => {
  const { method, uri, authorization, ...body } = request;
  if (authorization.length > limits.authorizationHeadersMax) {
    return refused('headers', 'too many Authorization headers');
  }
  const headers = authorization.map(parseAuthorization).filter((header) => header !== undefined);
  const origin = headers[0]?.origin;
  if (origin === undefined) return refused('headers', 'no X-Matrix Authorization header');
  if (headers.some((header) => header.origin !== origin)) {
    return refused('origin', 'headers of several origins');
  }
  if (splitServerName(origin) === undefined || origin === verifier.serverName) {
    return refused('origin', 'not a name of another server');
  }
  if (
    headers.some(({ destination = verifier.serverName }) => destination !== verifier.serverName)
  ) {
    return refused('destination', 'meant for another server');
  }
  if (verifier.isAllowed?.(origin) === false) return refused('allow list', 'not federating');

  const signable = { method, uri, origin, destination: verifier.serverName, ...body };
  const signedBytes = bytesOf(signable);
  if (signedBytes === undefined) return refused('content', 'the body is no canonical JSON');
  const outcome = await isSigned(signedBytes, headers, verifier);
  return outcome === 'signed' ? { allowed: true, origin } : refused('signature', outcome);
};
