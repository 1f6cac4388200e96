import {
  isObject,
  type JsonObject,
  publicKeyFromBase64,
  type SigningKey,
  signJson,
  verifyJson,
} from '@candor/federation';
import { deviceDirectory } from '../signal/device-directory.ts';
import { memberOf } from '../signal/member-of.ts';
import type { TableReader } from '../stores/store.ts';
import { archiveAlgorithm } from './archive-keys.ts';

const isSignedBy = (data: JsonObject, userId: string, keyId: string, key: string): boolean => {
  const publicKey = publicKeyFromBase64(key);
  try {
    return publicKey !== undefined && verifyJson(data, userId, keyId, publicKey);
  } catch {
    return false;
  }
};

/** What the server says about a backup: ours or another program's. */
export type ArchiveVersion =
  | { readonly kind: 'foreign'; readonly version: string }
  | {
      readonly kind: 'ours';
      readonly version: string;
      readonly publicKey: string;
      /** The user's pinned master key or one of their signed devices signed it. */
      readonly isSigned: boolean;
    };

/** The public data of an archive (`auth_data`), which tells whose key its messages are sealed to. */
export const archiveVersion = {
  /** Signed by each of the keys. */
  authData: (userId: string, publicKey: string, signers: readonly SigningKey[]): JsonObject =>
    signers.reduce<JsonObject>((data, signer) => signJson(data, userId, signer), {
      algorithm: archiveAlgorithm,
      public_key: publicKey,
    }),

  /** Reads an answer about a backup; undefined when it is none. */
  read: (tables: TableReader, userId: string, answer: unknown): ArchiveVersion | undefined => {
    const version = memberOf(answer, 'version');
    if (typeof version !== 'string') return undefined;
    const data = memberOf(answer, 'auth_data');
    const publicKey = memberOf(data, 'public_key');
    // Inside as well, where it is signed: the key of another program's backup is not taken for ours.
    const isOurs = [answer, data].every((one) => memberOf(one, 'algorithm') === archiveAlgorithm);
    if (!isOurs || !isObject(data) || typeof publicKey !== 'string') {
      return { kind: 'foreign', version };
    }
    const user = tables.get('users', { userId });
    const masterKey = user?.trust === 'verified' ? user.masterKey : null;
    const devices = tables
      .all('devices', { where: { userId, deleted: false } })
      .filter((device) => deviceDirectory.isEligible(tables, device));
    const isSigned =
      (masterKey !== null && isSignedBy(data, userId, `ed25519:${masterKey}`, masterKey)) ||
      devices.some(({ deviceId, ed25519Key }) =>
        isSignedBy(data, userId, `ed25519:${deviceId}`, ed25519Key),
      );
    return { kind: 'ours', version, publicKey, isSigned };
  },
};
