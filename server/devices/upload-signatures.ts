import {
  isObject,
  type JsonObject,
  publicKeyFromBase64,
  signedBytes,
  verifyJson,
} from '@candor/federation';
import type { Context } from '../context.ts';
import { type Tx, transact } from '../storage/database.ts';
import { type KeySignature, writeKeySignatures } from '../storage/key-signatures.ts';
import { announceDevices } from './announce-devices.ts';
import { announceSigningKeys } from './announce-signing-keys.ts';
import { keysTimeoutMs } from './ask-servers.ts';
import { byServer } from './by-server.ts';
import { publicKeyOf } from './key-objects.ts';
import { addSignatures, readUserKeys, type UserKeys } from './user-keys.ts';

/** Why one signature was not taken. */
export type SignatureFailure = { readonly errcode: string; readonly error: string };

type Verdict = KeySignature[] | SignatureFailure;
type Signer = { readonly keyId: string; readonly publicKey: string };

const failure = (errcode: string, error: string): SignatureFailure => ({ errcode, error });

const signingKey = (
  keys: UserKeys | undefined,
  usage: 'self_signing' | 'user_signing',
): Signer[] => {
  const key = keys?.crossSigning.get(usage);
  const publicKey = key && publicKeyOf(key);
  return publicKey === undefined ? [] : [{ keyId: `ed25519:${publicKey}`, publicKey }];
};

const deviceSigners = (keys: UserKeys | undefined): Signer[] =>
  [...(keys?.devices ?? [])].flatMap(([deviceId, device]) => {
    const keyId = `ed25519:${deviceId}`;
    const publicKey = Object.hasOwn(device.keys.keys, keyId) ? device.keys.keys[keyId] : undefined;
    return publicKey === undefined ? [] : [{ keyId, publicKey }];
  });

/** The key meant by an id, and the caller's keys that may sign it: self-signing for devices, devices for the own master key, user-signing for those of others. */
// https://spec.matrix.org/v1.19/client-server-api/#cross-signing
const findTarget = (
  caller: string,
  callerKeys: UserKeys | undefined,
  owner: string,
  ownerKeys: UserKeys | undefined,
  keyId: string,
): { readonly object: JsonObject; readonly signers: Signer[] } | undefined => {
  const master = ownerKeys?.crossSigning.get('master');
  const isMaster = master !== undefined && publicKeyOf(master) === keyId;
  if (owner !== caller) {
    return isMaster
      ? { object: master, signers: signingKey(callerKeys, 'user_signing') }
      : undefined;
  }
  if (isMaster) return { object: master, signers: deviceSigners(callerKeys) };
  const device = ownerKeys?.devices.get(keyId);
  return device && { object: device.keys, signers: signingKey(callerKeys, 'self_signing') };
};

const isSameObject = (a: JsonObject, b: JsonObject): boolean => {
  try {
    return signedBytes(a).equals(signedBytes(b));
  } catch {
    return false;
  }
};

/** The signatures by the caller in an upload, each checked. */
const judge = (
  caller: string,
  owner: string,
  signedKey: string,
  uploaded: JsonObject,
  target: ReturnType<typeof findTarget>,
): Verdict => {
  if (!target) return failure('M_NOT_FOUND', 'There is no such key to sign');
  if (!isSameObject(uploaded, target.object)) {
    return failure('M_INVALID_PARAM', 'The key is not the one that was published');
  }
  const all = isObject(uploaded['signatures']) ? uploaded['signatures'] : {};
  const own = Object.hasOwn(all, caller) ? all[caller] : undefined;
  const known = isObject(target.object['signatures']) ? target.object['signatures'][caller] : {};
  const fresh = Object.entries(isObject(own) ? own : {}).filter(
    ([keyId, signature]) => !isObject(known) || known[keyId] !== signature,
  );
  const signatures: KeySignature[] = [];
  for (const [signerKeyId, signature] of fresh) {
    const signer = target.signers.find(({ keyId }) => keyId === signerKeyId);
    const publicKey = signer && publicKeyFromBase64(signer.publicKey);
    if (!publicKey || !verifyJson(uploaded, caller, signerKeyId, publicKey)) {
      return failure('M_INVALID_SIGNATURE', 'The signature is not by a key that may sign this one');
    }
    const text = String(signature);
    signatures.push({
      userId: owner,
      signedKey,
      signerUserId: caller,
      signerKeyId,
      signature: text,
    });
  }
  return signatures;
};

const announce = async (
  tx: Tx,
  caller: string,
  signatures: readonly KeySignature[],
  keys: UserKeys | undefined,
): Promise<void> => {
  const own = signatures.filter(({ userId }) => userId === caller);
  const devices = own.filter(({ signedKey }) => keys?.devices.has(signedKey));
  await announceDevices(tx, caller, [...new Set(devices.map(({ signedKey }) => signedKey))]);
  if (devices.length < own.length) await announceSigningKeys(tx, caller);
};

/** Stores the caller's signatures on own devices, the own master key, and master keys of others; answers with those refused. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
export const uploadSignatures = async (
  { config, db, deviceLists }: Context,
  caller: string,
  uploads: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>,
): Promise<Map<string, Map<string, SignatureFailure>>> => {
  const { local, remote } = byServer(new Set([caller, ...Object.keys(uploads)]), config.serverName);
  const { users } = await deviceLists.remote.read(remote, keysTimeoutMs(undefined));
  for (const [userId, keys] of await readUserKeys(db, local)) users.set(userId, keys);
  await addSignatures(db, users, caller);

  const callerKeys = users.get(caller);
  const accepted: KeySignature[] = [];
  const failures = new Map<string, Map<string, SignatureFailure>>();
  for (const [owner, keys] of Object.entries(uploads)) {
    const refused = new Map<string, SignatureFailure>();
    for (const [keyId, uploaded] of Object.entries(keys)) {
      const target = findTarget(caller, callerKeys, owner, users.get(owner), keyId);
      const verdict = judge(caller, owner, keyId, uploaded, target);
      if (Array.isArray(verdict)) accepted.push(...verdict);
      else refused.set(keyId, verdict);
    }
    if (refused.size > 0) failures.set(owner, refused);
  }
  if (accepted.length > 0) {
    await transact(db, async (tx) => {
      let position = 0;
      // Only the signer hears of signatures on keys of others, for nobody else may know of them.
      for (const userId of new Set(accepted.map((one) => one.userId))) {
        position = tx.tell({ kind: 'deviceList', userId, wakes: [caller] });
      }
      await writeKeySignatures(tx, accepted, position);
      await announce(tx, caller, accepted, callerKeys);
    });
  }
  return failures;
};
