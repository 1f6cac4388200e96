import {
  type JsonObject,
  publicKeyFromBase64,
  signingKeyFromSeed,
  verifyJson,
} from '@candor/federation';
import { memberOf } from '../signal/member-of.ts';
import type { TableReader } from '../stores/store.ts';
import type { OwnSide, Side } from './flow.ts';

/**
 * Whether a device took the id of a cross-signing key, so that one key id would name two keys. Only
 * a malicious server lets that happen, and the user cannot be verified then.
 */
// https://spec.matrix.org/v1.19/client-server-api/#key-and-signature-security
const isAmbiguous = (tables: TableReader, userId: string): boolean => {
  const user = tables.get('users', { userId });
  if (!user) return false;
  const { masterKey, selfSigningKey, offeredMasterKey, offeredSelfSigningKey } = user;
  return [masterKey, selfSigningKey, offeredMasterKey, offeredSelfSigningKey].some(
    (key) => key !== null && tables.get('devices', { userId, deviceId: key }) !== undefined,
  );
};

/** The master key to decide about: the offered one when it changed. */
const masterKeyOf = (tables: TableReader, userId: string): string | null => {
  const user = tables.get('users', { userId });
  return user?.offeredMasterKey ?? user?.masterKey ?? null;
};

/** The keys that a verification is about, as the store has them. */
export const sides = {
  own: (tables: TableReader, userId: string): OwnSide | undefined => {
    const identity = tables.get('deviceIdentity', { userId });
    if (!identity) return undefined;
    const { deviceId, deviceKeySeed } = identity;
    return {
      ...{ userId, deviceId },
      deviceKey: signingKeyFromSeed(deviceId, deviceKeySeed).publicKey,
      masterKey: masterKeyOf(tables, userId),
      vouches: tables.get('users', { userId })?.trust === 'verified',
    };
  },

  /** Another device; undefined when it is unknown, changed its key, or its user cannot be verified. */
  other: (tables: TableReader, userId: string, deviceId: unknown): Side | undefined => {
    if (typeof deviceId !== 'string' || isAmbiguous(tables, userId)) return undefined;
    const device = tables.get('devices', { userId, deviceId });
    const masterKey = masterKeyOf(tables, userId);
    if (!device || device.deleted || device.keysChanged || masterKey === null) return undefined;
    return { userId, deviceId, deviceKey: device.ed25519Key, masterKey };
  },

  /** The devices of a user that a request goes to; not this one. */
  devicesToAsk: (tables: TableReader, own: OwnSide, userId: string): string[] =>
    tables
      .all('devices', { where: { userId, deleted: false } })
      .map(({ deviceId }) => deviceId)
      .filter((deviceId) => userId !== own.userId || deviceId !== own.deviceId)
      .filter((deviceId) => sides.other(tables, userId, deviceId) !== undefined),

  /** The device's own signed description in a `/keys/query` answer, when it is of exactly this key. */
  deviceKeysIn: (
    answer: unknown,
    { userId, deviceId, deviceKey }: Side,
  ): JsonObject | undefined => {
    const object = memberOf(memberOf(memberOf(answer, 'device_keys'), userId), deviceId);
    const keyId = `ed25519:${deviceId}`;
    const isNamed =
      memberOf(object, 'user_id') === userId && memberOf(object, 'device_id') === deviceId;
    if (!isNamed || memberOf(memberOf(object, 'keys'), keyId) !== deviceKey) return undefined;
    const key = publicKeyFromBase64(deviceKey);
    const { unsigned: _unsigned, ...signed } = object as JsonObject;
    try {
      return key && verifyJson(signed, userId, keyId, key) ? signed : undefined;
    } catch {
      // Not canonical JSON.
      return undefined;
    }
  },
};
