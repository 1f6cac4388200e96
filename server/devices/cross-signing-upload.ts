import { publicKeyFromBase64, verifyJson } from '@candor/federation';
import { type BodyOf, type clientServer, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import {
  type CrossSigningUsage,
  lockCrossSigningKeys,
  writeCrossSigningKey,
} from '../storage/cross-signing.ts';
import { type Db, type Tx, transact } from '../storage/database.ts';
import { readDevices } from '../storage/devices.ts';
import { deleteSignaturesOfKey } from '../storage/key-signatures.ts';
import { announceSigningKeys } from './announce-signing-keys.ts';
import { type CrossSigningKey, publicKeyOf, readCrossSigningKey } from './key-objects.ts';
import { readUserKeys } from './user-keys.ts';

type Keys = ReadonlyMap<CrossSigningUsage, CrossSigningKey>;

/** Keys that are ready to be written once the user has authenticated, where that is needed. */
export type CrossSigningUpload = {
  readonly keys: Keys;
  readonly needsAuthentication: boolean;
};

const readStored = async (db: Db, userId: string): Promise<Keys> =>
  (await readUserKeys(db, [userId])).get(userId)?.crossSigning ?? new Map();

const uploadedKeys = (
  userId: string,
  body: BodyOf<typeof clientServer.uploadCrossSigningKeys>,
): Keys => {
  const keys = new Map<CrossSigningUsage, CrossSigningKey>();
  for (const usage of ['master', 'self_signing', 'user_signing'] as const) {
    const value = body[`${usage}_key`];
    if (value === undefined) continue;
    const key = readCrossSigningKey(value, userId, usage);
    if (!key)
      throw new MatrixError('M_INVALID_PARAM', `${usage}_key is not such a key of the user`);
    keys.set(usage, key);
  }
  if (new Set([...keys.values()].map(publicKeyOf)).size < keys.size) {
    throw new MatrixError('M_INVALID_PARAM', 'The keys are not different ones');
  }
  return keys;
};

const checkSignatures = (userId: string, keys: Keys, stored: Keys): void => {
  const master = keys.get('master') ?? stored.get('master');
  if (!master) throw new MatrixError('M_MISSING_PARAM', 'No master signing key is available');
  const publicKey = publicKeyOf(master) ?? '';
  const verifyingKey = publicKeyFromBase64(publicKey);
  for (const [usage, key] of keys) {
    if (usage === 'master') continue;
    if (!verifyingKey || !verifyJson(key, userId, `ed25519:${publicKey}`, verifyingKey)) {
      throw new MatrixError('M_INVALID_SIGNATURE', `${usage}_key is not signed by the master key`);
    }
  }
};

/** The first keys, and the same keys once more, need no authentication. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
const isNews = (keys: Keys, stored: Keys): boolean => {
  if (!stored.has('master')) return false;
  const isSame = ([usage, key]: readonly [CrossSigningUsage, CrossSigningKey]) => {
    const old = stored.get(usage);
    return old !== undefined && publicKeyOf(old) === publicKeyOf(key);
  };
  return !keys.has('master') || ![...keys].every(isSame);
};

/** Checks an upload of cross-signing keys against what is stored. Throws what is wrong with it. */
export const checkCrossSigningUpload = async (
  { db }: Context,
  userId: string,
  body: BodyOf<typeof clientServer.uploadCrossSigningKeys>,
): Promise<CrossSigningUpload> => {
  const keys = uploadedKeys(userId, body);
  const stored = await readStored(db, userId);
  checkSignatures(userId, keys, stored);
  const deviceIds = new Set((await readDevices(db, userId)).map(({ deviceId }) => deviceId));
  if ([...keys.values()].some((key) => deviceIds.has(publicKeyOf(key) ?? ''))) {
    throw new MatrixError('M_FORBIDDEN', 'A public key is the id of a device');
  }
  return { keys, needsAuthentication: isNews(keys, stored) };
};

const replaceKey = async (
  tx: Tx,
  userId: string,
  usage: CrossSigningUsage,
  key: CrossSigningKey,
  old: CrossSigningKey | undefined,
): Promise<void> => {
  const oldPublicKey = old && publicKeyOf(old);
  if (oldPublicKey !== undefined && oldPublicKey !== publicKeyOf(key)) {
    await deleteSignaturesOfKey(tx, userId, oldPublicKey);
  }
  await writeCrossSigningKey(tx, { userId, usage, keys: JSON.stringify(key) });
};

/** Writes checked keys and tells everyone who shares a room with the user. */
export const writeCrossSigningUpload = (
  { db }: Context,
  userId: string,
  { keys, needsAuthentication }: CrossSigningUpload,
): Promise<void> =>
  transact(db, async (tx) => {
    await lockCrossSigningKeys(tx, userId);
    const stored = await readStored(tx, userId);
    checkSignatures(userId, keys, stored);
    // Of two first uploads at the same time only one is the first.
    if (!needsAuthentication && isNews(keys, stored)) {
      throw new MatrixError('M_FORBIDDEN', 'Other keys were uploaded meanwhile');
    }
    for (const [usage, key] of keys) {
      await replaceKey(tx, userId, usage, key, stored.get(usage));
    }
    await announceSigningKeys(tx, userId);
  });
