import { randomBytes, randomInt } from 'node:crypto';
import {
  encodeBase64,
  type JsonObject,
  type SigningKey,
  signingKeyFromSeed,
  signJson,
} from '@candor/federation';
import { IdentityKeyPair } from '@signalapp/libsignal-client';
import type { TableWriter } from '../stores/store.ts';
import { addressOf } from './address.ts';
import { signalNames } from './signal-names.ts';

/** Who this device is: its Matrix device key and its Signal identity, both made once and kept. */
export type DeviceIdentity = {
  readonly userId: string;
  readonly deviceId: string;
  readonly address: string;
  readonly deviceKey: SigningKey;
  readonly signalIdentity: IdentityKeyPair;
  readonly registrationId: number;
};

const registrationIdMax = 16_380;

/** Reads this device's keys from the store, or makes them when it has none yet. */
export const loadDeviceIdentity = (
  tables: TableWriter,
  userId: string,
  deviceId: string,
): DeviceIdentity => {
  const known = tables.get('deviceIdentity', { userId });
  if (known && known.deviceId !== deviceId) {
    throw new Error(`the store belongs to device ${known.deviceId}, not ${deviceId}`);
  }
  const row = known ?? {
    userId,
    deviceId,
    deviceKeySeed: new Uint8Array(randomBytes(32)),
    signalIdentity: IdentityKeyPair.generate().serialize(),
    registrationId: randomInt(1, registrationIdMax + 1),
  };
  if (!known) {
    if (tables.count('deviceIdentity') > 0) {
      throw new Error('the store belongs to another user');
    }
    tables.put('deviceIdentity', row);
  }
  return {
    userId,
    deviceId,
    address: addressOf(userId, deviceId),
    deviceKey: signingKeyFromSeed(deviceId, row.deviceKeySeed),
    signalIdentity: IdentityKeyPair.deserialize(row.signalIdentity),
    registrationId: row.registrationId,
  };
};

/** The `device_keys` of `/keys/upload`, signed by the device key. */
// https://spec.matrix.org/v1.19/client-server-api/#uploading-keys
export const signedDeviceKeys = (identity: DeviceIdentity): JsonObject => {
  const { userId, deviceId, deviceKey, signalIdentity } = identity;
  return signJson(
    {
      user_id: userId,
      device_id: deviceId,
      algorithms: [signalNames.pairwise, signalNames.group],
      keys: {
        [deviceKey.keyId]: deviceKey.publicKey,
        [signalNames.identityKeyPrefix + deviceId]: encodeBase64(
          signalIdentity.publicKey.serialize(),
        ),
      },
    },
    userId,
    deviceKey,
  );
};
