import { type BodyOf, type clientServer, limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { type Tx, transact } from '../storage/database.ts';
import { writeDeviceKeys } from '../storage/device-keys.ts';
import { writeFallbackKeys } from '../storage/fallback-keys.ts';
import { holdDevice } from '../storage/hold-devices.ts';
import {
  type DeviceName,
  deleteClaimedKeys,
  insertOneTimeKeys,
  oneTimeKeyCounts,
  type UploadedKey,
} from '../storage/one-time-keys.ts';
import { announceDevices } from './announce-devices.ts';
import { canonicalText } from './canonical-text.ts';
import { readDeviceKeys } from './key-objects.ts';
import { namesSigningKey } from './names-signing-key.ts';

type Upload = BodyOf<typeof clientServer.uploadKeys>;

const refuse = (text: string): MatrixError => new MatrixError('M_INVALID_PARAM', text);

/** Canonical JSON of the device keys in an upload. */
const checkDeviceKeys = (
  keys: NonNullable<Upload['device_keys']>,
  { userId, deviceId }: DeviceName,
): string => {
  if (keys.user_id !== userId) throw refuse('device_keys: user_id is not the caller');
  if (keys.device_id !== deviceId) throw refuse("device_keys: device_id is not the caller's");
  for (const keyId of Object.keys(keys.keys)) {
    const algorithm = keyId.slice(0, keyId.indexOf(':'));
    if (algorithm === '' || keyId !== `${algorithm}:${deviceId}`) {
      throw refuse('device_keys: a key id is not made of an algorithm and the device id');
    }
  }
  const own = readDeviceKeys(keys, userId, deviceId);
  const text = own && canonicalText(own, limits.deviceKeysBytesMax);
  if (text === undefined)
    throw new MatrixError('M_BAD_JSON', 'device_keys: too long or cannot be signed');
  return text;
};

/** The keys of an upload by their ids; any algorithm is welcome. */
const checkKeys = (keys: Upload['one_time_keys'] = {}): UploadedKey[] =>
  Object.entries(keys).map(([name, value]) => {
    const colon = name.indexOf(':');
    const [algorithm, keyId] = [name.slice(0, Math.max(colon, 0)), name.slice(colon + 1)];
    if (algorithm === '' || keyId === '' || name.length > limits.identifierBytesMax) {
      throw refuse('a key id is not made of an algorithm and an id');
    }
    const key = canonicalText(value, limits.oneTimeKeyBytesMax);
    if (key === undefined)
      throw new MatrixError('M_BAD_JSON', 'a key is too long or cannot be signed');
    return { algorithm, keyId, key };
  });

const storeKeys = async (
  tx: Tx,
  device: DeviceName,
  oneTimeKeys: readonly UploadedKey[],
  fallbackKeys: readonly UploadedKey[],
): Promise<void> => {
  const { userId, deviceId } = device;
  const change = { kind: 'oneTimeKeys', userId, deviceId, wakes: [userId] } as const;
  if (oneTimeKeys.length > 0) {
    const [other] = await insertOneTimeKeys(tx, device, oneTimeKeys, tx.tell(change));
    if (other !== undefined) throw refuse(`another key was uploaded as ${other}`);
  }
  if (fallbackKeys.length > 0 && (await writeFallbackKeys(tx, device, fallbackKeys))) {
    tx.tell(change);
  }
};

/** Publishes keys of the caller's device; answers with the one-time keys left for each algorithm. */
// https://spec.matrix.org/v1.19/client-server-api/#uploading-keys
export const uploadDeviceKeys = async (
  { db, now }: Context,
  device: DeviceName,
  upload: Upload,
): Promise<Readonly<Record<string, number>>> => {
  const { userId, deviceId } = device;
  const deviceKeys = upload.device_keys && checkDeviceKeys(upload.device_keys, device);
  const oneTimeKeys = checkKeys(upload.one_time_keys);
  const fallbackKeys = checkKeys(upload.fallback_keys);
  if (new Set(fallbackKeys.map(({ algorithm }) => algorithm)).size < fallbackKeys.length) {
    throw refuse('fallback_keys: more than one key of an algorithm');
  }
  return transact(db, async (tx) => {
    if (!(await holdDevice(tx, device))) {
      throw new MatrixError('M_UNKNOWN_TOKEN', 'The device was removed');
    }
    if (deviceKeys !== undefined) {
      if (await namesSigningKey(tx, userId, deviceId))
        throw new MatrixError('M_FORBIDDEN', 'the device id is the public part of a signing key');
      const isNews = await writeDeviceKeys(tx, userId, deviceId, deviceKeys);
      if (isNews) await announceDevices(tx, userId, [deviceId]);
    }
    await deleteClaimedKeys(tx, device, now() - limits.claimedKeyIdsKeptMs);
    await storeKeys(tx, device, oneTimeKeys, fallbackKeys);
    const counts = await oneTimeKeyCounts(tx, userId, deviceId);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (total > limits.oneTimeKeysPerDeviceMax) {
      throw new MatrixError('M_TOO_LARGE', 'The device has too many one-time keys');
    }
    return counts;
  });
};
