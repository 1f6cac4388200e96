import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

/** A signature that came after the key it is on. */
export type KeySignature = {
  /** Owner of the signed key. */
  readonly userId: string;
  /** A device id, or the public part of a cross-signing key. */
  readonly signedKey: string;
  readonly signerUserId: string;
  readonly signerKeyId: string;
  readonly signature: string;
};

/** Signatures on keys of users: those by the owner, and those by the viewer, if there is one. */
// https://spec.matrix.org/v1.19/client-server-api/#key-and-signature-security
export const readKeySignatures = async (
  { sql }: Db,
  userIds: readonly string[],
  viewer: string | undefined,
): Promise<readonly KeySignature[]> => {
  const { rows } = await raw<{
    user_id: string;
    signed_key: string;
    signer_user_id: string;
    signer_key_id: string;
    signature: string;
  }>`
    SELECT user_id, signed_key, signer_user_id, signer_key_id, signature FROM key_signatures
    WHERE user_id = ANY(${userIds})
      AND (signer_user_id = user_id OR signer_user_id = ${viewer ?? null})`.execute(sql);
  return rows.map((row) => ({
    userId: row.user_id,
    signedKey: row.signed_key,
    signerUserId: row.signer_user_id,
    signerKeyId: row.signer_key_id,
    signature: row.signature,
  }));
};

export const writeKeySignatures = async (
  { sql }: Tx,
  signatures: readonly KeySignature[],
  position: StreamPosition,
): Promise<void> => {
  await raw`
    INSERT INTO key_signatures
      (user_id, signed_key, signer_user_id, signer_key_id, signature, position)
    SELECT *, ${position}::bigint FROM unnest(
      ${signatures.map(({ userId }) => userId)}::text[],
      ${signatures.map(({ signedKey }) => signedKey)}::text[],
      ${signatures.map(({ signerUserId }) => signerUserId)}::text[],
      ${signatures.map(({ signerKeyId }) => signerKeyId)}::text[],
      ${signatures.map(({ signature }) => signature)}::text[]
    )
    ON CONFLICT (user_id, signed_key, signer_user_id, signer_key_id)
    DO UPDATE SET signature = excluded.signature, position = excluded.position`.execute(sql);
};

/** A key of the user was replaced: what it signed and what signed it means nothing any more. */
export const deleteSignaturesOfKey = async (
  { sql }: Tx,
  userId: string,
  publicKey: string,
): Promise<void> => {
  await raw`
    DELETE FROM key_signatures WHERE (user_id = ${userId} AND signed_key = ${publicKey})
      OR (signer_user_id = ${userId} AND signer_key_id = ${`ed25519:${publicKey}`})`.execute(sql);
};
