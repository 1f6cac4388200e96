import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import {
  isObject,
  type JsonObject,
  type SigningKey,
  signingKeyFromSeed,
  signJson,
} from '@candor/federation';
import type { Row } from '../stores/tables.ts';
import { base64Bytes } from './base64-bytes.ts';

export type CrossSigningSecrets = Row<'crossSigningSecrets'>;

// A cross-signing key's id is its own public key.
// https://spec.matrix.org/v1.19/client-server-api/#cross-signing
const crossSigningKey = (seed: Uint8Array): SigningKey =>
  signingKeyFromSeed(signingKeyFromSeed('', seed).publicKey, seed);

const keyObject = (userId: string, usage: string, key: SigningKey): JsonObject => ({
  user_id: userId,
  usage: [usage],
  keys: { [key.keyId]: key.publicKey },
});

const newSeed = (): Uint8Array<ArrayBuffer> => new Uint8Array(randomBytes(32));

/** The three Ed25519 keys of a user, and what is uploaded about them. */
export const crossSigning = {
  create: (userId: string): CrossSigningSecrets => ({
    userId,
    master: newSeed(),
    selfSigning: newSeed(),
    userSigning: newSeed(),
  }),

  publicKeys: (secrets: CrossSigningSecrets) => ({
    master: crossSigningKey(secrets.master).publicKey,
    selfSigning: crossSigningKey(secrets.selfSigning).publicKey,
  }),

  /** Body of `/keys/device_signing/upload`; the master key is signed by the device that made it. */
  keysUpload: (secrets: CrossSigningSecrets, deviceKey: SigningKey): JsonObject => {
    const { userId } = secrets;
    const master = crossSigningKey(secrets.master);
    const signed = (usage: string, seed: Uint8Array): JsonObject =>
      signJson(keyObject(userId, usage, crossSigningKey(seed)), userId, master);
    return {
      master_key: signJson(keyObject(userId, 'master', master), userId, deviceKey),
      self_signing_key: signed('self_signing', secrets.selfSigning),
      user_signing_key: signed('user_signing', secrets.userSigning),
    };
  },

  /** Body of `/keys/signatures/upload`: one of the user's own devices, signed by the self-signing key. */
  deviceSignature: (
    secrets: CrossSigningSecrets,
    deviceId: string,
    deviceKeys: JsonObject,
  ): JsonObject => ({
    [secrets.userId]: {
      [deviceId]: signJson(deviceKeys, secrets.userId, crossSigningKey(secrets.selfSigning)),
    },
  }),

  /** Body of `/keys/signatures/upload`: another user's master key, signed by the user-signing key. */
  masterKeySignature: (
    secrets: CrossSigningSecrets,
    userId: string,
    masterKey: string,
  ): JsonObject => {
    const master = {
      user_id: userId,
      usage: ['master'],
      keys: { [`ed25519:${masterKey}`]: masterKey },
    };
    const key = crossSigningKey(secrets.userSigning);
    return { [userId]: { [masterKey]: signJson(master, secrets.userId, key) } };
  },
};

// The cost is fixed by the version, so that a sealed secret cannot choose how much memory we spend.
const scryptCost = { N: 65_536, r: 8, p: 1, maxmem: 134_217_728 };
const names = {
  master: 'm.cross_signing.master',
  selfSigning: 'm.cross_signing.self_signing',
  userSigning: 'm.cross_signing.user_signing',
} as const;

/** The private cross-signing keys as a text for another of the user's devices, sealed with a passphrase. */
export const sealCrossSigning = (secrets: CrossSigningSecrets, passphrase: string): string => {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const key = scryptSync(passphrase, salt, 32, scryptCost);
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  cipher.setAAD(Buffer.from(secrets.userId), { plaintextLength: 0 });
  const plain = JSON.stringify(
    Object.fromEntries(
      (['master', 'selfSigning', 'userSigning'] as const).map((part) => [
        names[part],
        Buffer.from(secrets[part]).toString('base64'),
      ]),
    ),
  );
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return JSON.stringify({
    v: 1,
    algorithm: 'scrypt-chacha20-poly1305',
    salt: salt.toString('base64'),
    nonce: nonce.toString('base64'),
    sealed: sealed.toString('base64'),
  });
};

const readSealed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Opens what `sealCrossSigning` made for this user; undefined for a wrong passphrase or a damaged text. */
export const openCrossSigning = (
  userId: string,
  text: string,
  passphrase: string,
): CrossSigningSecrets | undefined => {
  const parsed = readSealed(text);
  if (!isObject(parsed) || parsed['v'] !== 1) return undefined;
  const [salt, nonce, sealed] = ['salt', 'nonce', 'sealed'].map((name) =>
    base64Bytes(parsed[name]),
  );
  if (salt?.length !== 16 || nonce?.length !== 12 || !sealed || sealed.length < 16)
    return undefined;
  const key = scryptSync(passphrase, salt, 32, scryptCost);
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  decipher.setAAD(Buffer.from(userId), { plaintextLength: 0 });
  decipher.setAuthTag(sealed.subarray(-16));
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
    const value: unknown = JSON.parse(plain.toString());
    if (!isObject(value)) return undefined;
    const master = base64Bytes(value[names.master]);
    const selfSigning = base64Bytes(value[names.selfSigning]);
    const userSigning = base64Bytes(value[names.userSigning]);
    return master && selfSigning && userSigning && { userId, master, selfSigning, userSigning };
  } catch {
    return undefined;
  }
};
