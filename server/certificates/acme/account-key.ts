import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';

export type AccountKey = {
  readonly privateKey: KeyObject;
  readonly jwk: JsonWebKey;
  /** Proves, behind a challenge's token, whose account the challenge belongs to. */
  readonly thumbprint: string;
};

export type JwsHeader = Readonly<Record<string, unknown>>;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const jws = (header: JwsHeader, payload: unknown, signBytes: (bytes: Buffer) => Buffer) => {
  // POST-as-GET has an empty payload.
  const parts = {
    protected: encode(header),
    payload: payload === undefined ? '' : encode(payload),
  };
  const signature = signBytes(Buffer.from(`${parts.protected}.${parts.payload}`));
  return { ...parts, signature: signature.toString('base64url') };
};

/** From the P-256 key of an account (PEM). */
export const accountKeyFrom = (pem: string): AccountKey => {
  const privateKey = createPrivateKey(pem);
  const { crv, kty, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  const jwk = { crv, kty, x, y };
  // https://www.rfc-editor.org/rfc/rfc7638#section-3: the members in this order, without spaces.
  const thumbprint = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
  return { privateKey, jwk, thumbprint };
};

/** The body of a request to an authority, in JSON. */
// https://www.rfc-editor.org/rfc/rfc8555#section-6.2
export const signRequest = (key: AccountKey, header: JwsHeader, payload: unknown): string =>
  JSON.stringify(
    jws({ alg: 'ES256', ...header }, payload, (bytes) =>
      sign('sha256', bytes, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }),
    ),
  );

/** Shows an authority that the owner of an account there, named by `keyId`, wants this key to be theirs. */
// https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4
export const bindExternalAccount = (
  key: AccountKey,
  { keyId, hmacKey }: { readonly keyId: string; readonly hmacKey: string },
  url: string,
) => {
  const secret = Buffer.from(hmacKey, 'base64url');
  return jws({ alg: 'HS256', kid: keyId, url }, key.jwk, (bytes) =>
    createHmac('sha256', secret).update(bytes).digest(),
  );
};
