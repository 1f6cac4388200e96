import { isObject, type Json, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { CrossSigningUsage } from '../storage/cross-signing.ts';
import { readCrossSigningKey, readDeviceKeys } from './key-objects.ts';
import type { PublishedDevice, UserKeys } from './user-keys.ts';

const member = (object: Json | undefined, key: string): Json | undefined =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;

const publishedDevice = (
  keys: Json | undefined,
  name: Json | undefined,
  userId: string,
  deviceId: string,
): PublishedDevice | undefined => {
  const read = readDeviceKeys(keys, userId, deviceId);
  const isName =
    typeof name === 'string' &&
    name.length <= limits.deviceDisplayNameLengthMax &&
    !name.includes('\0');
  return read && { keys: read, displayName: isName ? name : undefined };
};

/** What another server says about one of its users in the answer to a key query; what is malformed is left out. */
export const readQueryAnswer = (answer: JsonObject, userId: string): UserKeys => {
  const keys: UserKeys = { devices: new Map(), crossSigning: new Map() };
  const devices = member(answer['device_keys'], userId);
  const entries = isObject(devices) ? Object.entries(devices) : [];
  for (const [deviceId, value] of entries.slice(0, limits.devicesPerRemoteUserMax)) {
    const name = member(member(value, 'unsigned'), 'device_display_name');
    const device = publishedDevice(value, name, userId, deviceId);
    if (device) keys.devices.set(deviceId, device);
  }
  const found: readonly (readonly [CrossSigningUsage, Json | undefined])[] = [
    ['master', member(answer['master_keys'], userId)],
    ['self_signing', member(answer['self_signing_keys'], userId)],
  ];
  for (const [usage, value] of found) {
    const key = readCrossSigningKey(value, userId, usage);
    if (key) keys.crossSigning.set(usage, key);
  }
  return keys;
};

/** The same for `/user/devices`; undefined when the answer is about somebody else or has no number. */
export const readDevicesAnswer = (
  answer: JsonObject,
  userId: string,
): { readonly keys: UserKeys; readonly streamId: number } | undefined => {
  const { user_id, stream_id: streamId, devices } = answer;
  if (user_id !== userId || typeof streamId !== 'number' || !Number.isSafeInteger(streamId)) {
    return undefined;
  }
  const keys: UserKeys = { devices: new Map(), crossSigning: new Map() };
  for (const one of Array.isArray(devices)
    ? devices.slice(0, limits.devicesPerRemoteUserMax)
    : []) {
    const deviceId = member(one, 'device_id');
    if (typeof deviceId !== 'string') continue;
    const name = member(one, 'device_display_name');
    const device = publishedDevice(member(one, 'keys'), name, userId, deviceId);
    if (device) keys.devices.set(deviceId, device);
  }
  for (const usage of ['master', 'self_signing'] as const) {
    const key = readCrossSigningKey(answer[`${usage}_key`], userId, usage);
    if (key) keys.crossSigning.set(usage, key);
  }
  return { keys, streamId };
};
