import type { JsonObject } from '../events/room-event.ts';
import { signJson } from '../json/sign-json.ts';
import type { SigningKey } from '../keys/signing-key.ts';

export type OwnKeyDocument = {
  readonly serverName: string;
  readonly signingKey: SigningKey;
  /** By key id; in unpadded base64, with the time in milliseconds up to which each signed. */
  readonly oldKeys: Readonly<Record<string, { readonly key: string; readonly expiredTs: number }>>;
  /** Milliseconds; keep it more than an hour ahead. */
  readonly validUntilTs: number;
};

/** Our answer to `GET /_matrix/key/v2/server`. */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server
export const ownKeyDocument = (own: OwnKeyDocument): JsonObject => {
  const oldKeys = Object.entries(own.oldKeys).map(
    ([keyId, { key, expiredTs }]) => [keyId, { key, expired_ts: expiredTs }] as const,
  );
  const document = {
    server_name: own.serverName,
    verify_keys: { [own.signingKey.keyId]: { key: own.signingKey.publicKey } },
    old_verify_keys: Object.fromEntries(oldKeys),
    valid_until_ts: own.validUntilTs,
  };
  return signJson(document, own.serverName, own.signingKey);
};

/** Our answer to key queries: others' documents with our signature as a notary beside theirs. */
// https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query
export const answerKeyQuery = (
  documents: readonly JsonObject[],
  serverName: string,
  key: SigningKey,
): JsonObject => ({
  server_keys: documents.map((document) => signJson(document, serverName, key)),
});
