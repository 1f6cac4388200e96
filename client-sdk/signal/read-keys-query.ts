import { isObject, type JsonObject, publicKeyFromBase64, verifyJson } from '@candor/federation';
import { memberOf } from './member-of.ts';
import { signalNames } from './signal-names.ts';

/** A device as its own signed `device_keys` describe it. */
export type QueriedDevice = {
  readonly deviceId: string;
  readonly ed25519Key: string;
  readonly signalIdentityKey: string | null;
  readonly algorithms: readonly string[];
  readonly displayName: string | null;
  /** The self-signing key that signed it, of those that were tried. */
  readonly signedBy: string | null;
};

export type QueriedUser = {
  readonly masterKey: string | undefined;
  /** Only one that the master key signed. */
  readonly selfSigningKey: string | undefined;
  readonly devices: readonly QueriedDevice[];
};

const isSignedBy = (object: JsonObject, userId: string, keyId: string, key: string): boolean => {
  const publicKey = publicKeyFromBase64(key);
  try {
    return publicKey !== undefined && verifyJson(object, userId, keyId, publicKey);
  } catch {
    // Not canonical JSON, so nobody can have signed it.
    return false;
  }
};

// https://spec.matrix.org/v1.19/client-server-api/#cross-signing
const crossSigningKey = (object: unknown, userId: string, usage: string): string | undefined => {
  if (!isObject(object) || object['user_id'] !== userId) return undefined;
  const { usage: usages, keys } = object;
  if (!Array.isArray(usages) || !usages.includes(usage) || !isObject(keys)) return undefined;
  const [entry, ...others] = Object.entries(keys);
  if (!entry || others.length > 0 || typeof entry[1] !== 'string') return undefined;
  const [keyId, key] = entry;
  return keyId === `ed25519:${key}` && publicKeyFromBase64(key) ? key : undefined;
};

const displayName = (object: JsonObject): string | null => {
  const name = memberOf(object['unsigned'], 'device_display_name');
  return typeof name === 'string' ? name.slice(0, 256) : null;
};

const readDevice = (
  object: unknown,
  userId: string,
  deviceId: string,
  selfSigningKeys: readonly string[],
): QueriedDevice | undefined => {
  if (!isObject(object) || object['user_id'] !== userId || object['device_id'] !== deviceId) {
    return undefined;
  }
  const ed25519Key = memberOf(object['keys'], `ed25519:${deviceId}`);
  const signalKey = memberOf(object['keys'], signalNames.identityKeyPrefix + deviceId);
  const algorithms = object['algorithms'];
  if (typeof ed25519Key !== 'string' || !Array.isArray(algorithms)) return undefined;
  if (!isSignedBy(object, userId, `ed25519:${deviceId}`, ed25519Key)) return undefined;
  return {
    deviceId,
    ed25519Key,
    signalIdentityKey: typeof signalKey === 'string' ? signalKey : null,
    algorithms: algorithms.filter((name) => typeof name === 'string'),
    displayName: displayName(object),
    signedBy:
      selfSigningKeys.find((key) => isSignedBy(object, userId, `ed25519:${key}`, key)) ?? null,
  };
};

/**
 * What a `/keys/query` answer proves about one user. Entries that are malformed or not signed as
 * they must be are left out, each for itself. `knownSelfSigningKey` is the one trusted so far.
 */
export const readKeysQuery = (
  answer: unknown,
  userId: string,
  knownSelfSigningKey: string | null,
): QueriedUser => {
  const of = (part: string): unknown => memberOf(memberOf(answer, part), userId);
  const masterKey = crossSigningKey(of('master_keys'), userId, 'master');
  const selfSigning = of('self_signing_keys');
  const offered = crossSigningKey(selfSigning, userId, 'self_signing');
  const signed =
    masterKey !== undefined &&
    isObject(selfSigning) &&
    isSignedBy(selfSigning, userId, `ed25519:${masterKey}`, masterKey);
  const selfSigningKey = signed ? offered : undefined;
  const keys = [selfSigningKey, knownSelfSigningKey].filter((key) => typeof key === 'string');
  const devices = of('device_keys');
  return {
    masterKey,
    selfSigningKey,
    devices: Object.entries(isObject(devices) ? devices : {}).flatMap(
      ([deviceId, object]) => readDevice(object, userId, deviceId, keys) ?? [],
    ),
  };
};
