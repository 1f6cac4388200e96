import {
  encodeBase64,
  isObject,
  type JsonObject,
  publicKeyFromBase64,
  signJson,
  verifyJson,
} from '@candor/federation';
import {
  KEMPublicKey,
  type KyberPreKeyRecord,
  PreKeyBundle,
  type PreKeyRecord,
  PublicKey,
  type SignedPreKeyRecord,
} from '@signalapp/libsignal-client';
import type { Row } from '../stores/tables.ts';
import { base64Bytes } from './base64-bytes.ts';
import type { DeviceIdentity } from './device-identity.ts';
import { memberOf } from './member-of.ts';

export type BundleKeys = {
  readonly signedPreKey: SignedPreKeyRecord;
  readonly kyberPreKey: KyberPreKeyRecord;
  /** Absent in the fallback object, whose Kyber key is a last-resort one. */
  readonly oneTimePreKey?: PreKeyRecord;
};

/** One claimable object: everything a session starts from, signed by the device key. */
export const makeBundle = (identity: DeviceIdentity, keys: BundleKeys): JsonObject => {
  const { signedPreKey, kyberPreKey, oneTimePreKey } = keys;
  const signed = (key: SignedPreKeyRecord | KyberPreKeyRecord): JsonObject => ({
    id: key.id(),
    key: encodeBase64(key.publicKey().serialize()),
    sig: encodeBase64(key.signature()),
  });
  const opk = oneTimePreKey && {
    id: oneTimePreKey.id(),
    key: encodeBase64(oneTimePreKey.publicKey().serialize()),
  };
  return signJson(
    {
      v: 1,
      // Homeservers accept only signed objects that have a `key`.
      // https://spec.matrix.org/v1.19/client-server-api/#key-algorithms
      key: encodeBase64(signedPreKey.publicKey().serialize()),
      ik: encodeBase64(identity.signalIdentity.publicKey.serialize()),
      reg: identity.registrationId,
      spk: signed(signedPreKey),
      pqk: signed(kyberPreKey),
      ...(opk ? { opk } : { fallback: true }),
    },
    identity.userId,
    identity.deviceKey,
  );
};

const keyIdMax = 0xff_ffff;

const readKey = (value: unknown) => {
  if (!isObject(value)) return undefined;
  const { id, key: keyText, sig } = value;
  const key = base64Bytes(keyText);
  const valid = typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= keyIdMax;
  return valid && key ? { id, key, signature: base64Bytes(sig) } : undefined;
};

const build = (object: JsonObject, identityKey: Uint8Array<ArrayBuffer>) => {
  const registrationId = object['reg'];
  const spk = readKey(object['spk']);
  const pqk = readKey(object['pqk']);
  const opk = object['opk'] === undefined ? undefined : readKey(object['opk']);
  if (typeof registrationId !== 'number' || !spk?.signature || !pqk?.signature) return undefined;
  if (object['opk'] !== undefined && !opk) return undefined;
  return PreKeyBundle.new(
    registrationId,
    1,
    opk ? opk.id : null,
    opk ? PublicKey.deserialize(opk.key) : null,
    spk.id,
    PublicKey.deserialize(spk.key),
    spk.signature,
    PublicKey.deserialize(identityKey),
    pqk.id,
    KEMPublicKey.deserialize(pqk.key),
    pqk.signature,
  );
};

/**
 * Reads a claimed object of a known device; undefined unless the device's Ed25519 key signed all
 * of it and it names the device's own Signal identity. libsignal checks the two inner signatures.
 */
export const readBundle = (object: unknown, device: Row<'devices'>): PreKeyBundle | undefined => {
  const identityKey = base64Bytes(device.signalIdentityKey);
  const deviceKey = publicKeyFromBase64(device.ed25519Key);
  if (!isObject(object) || !identityKey || !deviceKey) return undefined;
  if (object['v'] !== 1 || object['ik'] !== device.signalIdentityKey) return undefined;
  if (object['key'] !== memberOf(object['spk'], 'key')) return undefined;
  try {
    if (!verifyJson(object, device.userId, `ed25519:${device.deviceId}`, deviceKey))
      return undefined;
    return build(object, identityKey);
  } catch {
    return undefined;
  }
};
