import type { JsonObject } from '@candor/federation';
import { type CrossSigningUsage, readCrossSigningRows } from '../storage/cross-signing.ts';
import type { Db } from '../storage/database.ts';
import { readDeviceKeys as readDeviceKeyRows } from '../storage/device-keys.ts';
import { readKeySignatures } from '../storage/key-signatures.ts';
import { readJson } from '../storage/spoiled-rows.ts';
import {
  type CrossSigningKey,
  type DeviceKeys,
  publicKeyOf,
  readCrossSigningKey,
  readDeviceKeys,
} from './key-objects.ts';

export type PublishedDevice = {
  readonly keys: DeviceKeys;
  readonly displayName: string | undefined;
};

/** What a user has published: devices by id, cross-signing keys by use. */
export type UserKeys = {
  readonly devices: Map<string, PublishedDevice>;
  readonly crossSigning: Map<CrossSigningUsage, CrossSigningKey>;
};

/** Published keys of each of the users, local or held remote ones, with the signatures they came with. */
export const readUserKeys = async (
  db: Db,
  userIds: readonly string[],
): Promise<Map<string, UserKeys>> => {
  const users = new Map<string, UserKeys>(
    userIds.map((userId) => [userId, { devices: new Map(), crossSigning: new Map() }]),
  );
  if (users.size === 0) return users;
  for (const row of await readDeviceKeyRows(db, userIds)) {
    const name = { table: 'device_keys', row: `${row.userId} ${row.deviceId}` } as const;
    const keys = readDeviceKeys(readJson(row.keys, name), row.userId, row.deviceId);
    const { displayName } = row;
    if (keys) users.get(row.userId)?.devices.set(row.deviceId, { keys, displayName });
  }
  for (const { userId, usage, keys } of await readCrossSigningRows(db, userIds)) {
    const name = { table: 'cross_signing_keys', row: `${userId} ${usage}` } as const;
    const key = readCrossSigningKey(readJson(keys, name), userId, usage);
    if (key) users.get(userId)?.crossSigning.set(usage, key);
  }
  return users;
};

type Signed = { readonly signatures?: Record<string, Record<string, string>> };

const withSignature = <K extends Signed>(
  key: K,
  signerUserId: string,
  signerKeyId: string,
  signature: string,
): K => {
  const { signatures = {} } = key;
  const own = Object.hasOwn(signatures, signerUserId) ? signatures[signerUserId] : {};
  return {
    ...key,
    signatures: { ...signatures, [signerUserId]: { ...own, [signerKeyId]: signature } },
  };
};

/** Adds the signatures that came later: the owners' own, and those of the viewer, whom nobody else may see. */
// https://spec.matrix.org/v1.19/client-server-api/#key-and-signature-security
export const addSignatures = async (
  db: Db,
  users: ReadonlyMap<string, UserKeys>,
  viewer: string | undefined,
): Promise<void> => {
  if (users.size === 0) return;
  for (const row of await readKeySignatures(db, [...users.keys()], viewer)) {
    const user = users.get(row.userId);
    const { signedKey, signerUserId, signerKeyId, signature } = row;
    const device = user?.devices.get(signedKey);
    if (device) {
      const keys = withSignature(device.keys, signerUserId, signerKeyId, signature);
      user?.devices.set(signedKey, { ...device, keys });
    }
    for (const [usage, key] of user?.crossSigning ?? []) {
      if (publicKeyOf(key) !== signedKey) continue;
      user?.crossSigning.set(usage, withSignature(key, signerUserId, signerKeyId, signature));
    }
  }
};

/** Device keys on the wire, with the name that the owner gave the device. */
export const deviceAnswer = ({ keys, displayName }: PublishedDevice): DeviceKeys & JsonObject => ({
  ...keys,
  ...(displayName !== undefined && { unsigned: { device_display_name: displayName } }),
});
