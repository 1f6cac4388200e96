import { randomBytes } from 'node:crypto';
import { type JsonObject, type SigningKey, signingKeyFromSeed, signJson } from '@candor/federation';
import type { TestUser } from './start-server.ts';

/** An Ed25519 key under `ed25519:<version>`; without a version under its public part, as cross-signing keys are. */
export const newSigningKey = (version?: string): SigningKey => {
  const seed = randomBytes(32);
  return signingKeyFromSeed(version ?? signingKeyFromSeed('any', seed).publicKey, seed);
};

/** Device keys of a user, signed by the device. */
export const makeDeviceKeys = (
  { userId, deviceId }: Pick<TestUser, 'userId' | 'deviceId'>,
  key: SigningKey,
  more: JsonObject = {},
): JsonObject =>
  signJson(
    {
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: { [`ed25519:${deviceId}`]: key.publicKey, [`curve25519:${deviceId}`]: 'c' },
      ...more,
    },
    userId,
    key,
  );

/** A cross-signing key of a user, signed by the master key where one is given. */
export const makeCrossSigningKey = (
  userId: string,
  usage: string,
  key: SigningKey,
  master?: SigningKey,
): JsonObject => {
  const object = { user_id: userId, usage: [usage], keys: { [key.keyId]: key.publicKey } };
  return master ? signJson(object, userId, master) : object;
};
