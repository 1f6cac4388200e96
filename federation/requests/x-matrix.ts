import { sign } from 'node:crypto';
import { isServerName } from '@candor/spec';
import type { Json } from '../events/room-event.ts';
import { CanonicalJsonError, canonicalJson } from '../json/canonical-json.ts';
import { signedBytes } from '../json/sign-json.ts';
import { encodeBase64 } from '../json/unpadded-base64.ts';
import type { SigningKey } from '../keys/signing-key.ts';

export type SignableRequest = {
  /** Upper case. */
  readonly method: string;
  /** Path and query, from `/_matrix` on, as sent. */
  readonly uri: string;
  readonly origin: string;
  readonly destination: string;
  /** The parsed body; absent when there is none. */
  readonly content?: Json;
  /** The body as it came: so other servers sign what has no canonical form, such as floats. */
  readonly contentText?: string;
};

export type Authorization = {
  readonly origin: string;
  /** Absent from old servers only; when present it must be us. */
  readonly destination?: string;
  readonly keyId: string;
  readonly signature: string;
};

const requestObject = ({ method, uri, origin, destination, content }: SignableRequest) => ({
  method,
  uri,
  origin,
  destination,
  ...(content !== undefined && { content }),
});

/** What the signature of a request covers; throws `CanonicalJsonError` when the body has no canonical form and its text is not known. */
export const requestSignedBytes = (request: SignableRequest): Buffer => {
  const { method, uri, origin, destination, contentText } = request;
  try {
    return signedBytes(requestObject(request));
  } catch (error) {
    if (!(error instanceof CanonicalJsonError) || contentText === undefined) throw error;
    const others = canonicalJson({ method, uri, origin, destination });
    // "content" comes first among the members.
    return Buffer.from(`{"content":${contentText},${others.slice(1)}`);
  }
};

/** The `Authorization` header of a request to another server. */
// https://spec.matrix.org/v1.19/server-server-api/#request-authentication
export const signRequest = (request: SignableRequest, key: SigningKey): string => {
  const { origin, destination } = request;
  const signature = encodeBase64(sign(null, requestSignedBytes(request), key.privateKey));
  return `X-Matrix origin="${origin}",destination="${destination}",key="${key.keyId}",sig="${signature}"`;
};

// RFC 9110: name, "=", then a token (colons too, for old servers) or a quoted string; then a comma or the end.
const parameter =
  /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:([!#$%&'*+.^_`|~\w:-]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?(?:,|$)/y;

const readParameters = (text: string): ReadonlyMap<string, string> | undefined => {
  const parameters = new Map<string, string>();
  for (parameter.lastIndex = 0; parameter.lastIndex < text.length; ) {
    const match = parameter.exec(text);
    if (match === null) return undefined;
    const [, name, token, quoted] = match;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (parameters.has(key)) return undefined;
    parameters.set(key, token ?? (quoted ?? '').replace(/\\(.)/g, '$1'));
  }
  return parameters;
};

/** Reads an `Authorization` header; undefined when it is not X-Matrix or not complete. Checks no signature. */
// https://spec.matrix.org/v1.19/server-server-api/#request-authentication
export const parseAuthorization = (header: string): Authorization | undefined => {
  const scheme = /^X-Matrix +/i.exec(header);
  const parameters = scheme ? readParameters(header.slice(scheme[0].length)) : undefined;
  const origin = parameters?.get('origin');
  const destination = parameters?.get('destination');
  const keyId = parameters?.get('key');
  const signature = parameters?.get('sig');
  if (origin === undefined || !isServerName(origin) || !keyId || !signature) return undefined;
  return { origin, ...(destination !== undefined && { destination }), keyId, signature };
};
