import { decodeBase64 } from '@candor/federation';
import { federation, limits, type ResponseOf } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { CrossSigningUsage } from '../storage/cross-signing.ts';
import { canonicalText } from './canonical-text.ts';

type DevicesAnswer = ResponseOf<typeof federation.getUserDevices>;

export type DeviceKeys = DevicesAnswer['devices'][number]['keys'];
export type CrossSigningKey = NonNullable<DevicesAnswer['master_key']>;
type Signatures = DeviceKeys['signatures'];

const { devices, master_key } = federation.getUserDevices.response.properties;
const deviceKeysSchema = Compile(devices.items.properties.keys);
const crossSigningSchema = Compile(master_key);

/** Nobody vouches for signatures by others in what an owner uploads. */
const ownSignatures = (signatures: Signatures | undefined, userId: string): Signatures =>
  signatures && Object.hasOwn(signatures, userId) ? { [userId]: signatures[userId] ?? {} } : {};

// PostgreSQL's text holds no NUL, and its indexes no long texts.
const isStorable = (deviceId: string): boolean =>
  !deviceId.includes('\0') && Buffer.byteLength(deviceId) <= limits.deviceIdBytesMax;

/** Device keys with the signatures of their owner only and without `unsigned`; undefined for anything else than the keys of this device. */
export const readDeviceKeys = (
  value: unknown,
  userId: string,
  deviceId: string,
): DeviceKeys | undefined => {
  if (!deviceKeysSchema.Check(value) || !isStorable(deviceId)) return undefined;
  if (value.user_id !== userId || value.device_id !== deviceId) return undefined;
  const { unsigned: _unsigned, ...signed } = value;
  const keys = { ...signed, signatures: ownSignatures(value.signatures, userId) };
  return canonicalText(keys, limits.deviceKeysBytesMax) === undefined ? undefined : keys;
};

/** The one public key of a cross-signing key, in unpadded base64; undefined when there is not exactly one. */
export const publicKeyOf = ({ keys }: CrossSigningKey): string | undefined => {
  const [only, ...more] = Object.entries(keys);
  if (!only || more.length > 0 || only[0] !== `ed25519:${only[1]}`) return undefined;
  return decodeBase64(only[1], { strict: true })?.length === 32 ? only[1] : undefined;
};

/** A cross-signing key with the signatures of its owner only; undefined for anything else than a key of this user for this use. */
export const readCrossSigningKey = (
  value: unknown,
  userId: string,
  usage: CrossSigningUsage,
): CrossSigningKey | undefined => {
  if (!crossSigningSchema.Check(value)) return undefined;
  if (value.user_id !== userId || !value.usage.includes(usage)) return undefined;
  if (publicKeyOf(value) === undefined) return undefined;
  const key = { ...value, signatures: ownSignatures(value.signatures, userId) };
  return canonicalText(key, limits.deviceKeysBytesMax) === undefined ? undefined : key;
};
