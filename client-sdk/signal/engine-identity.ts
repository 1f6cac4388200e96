import type { JsonObject } from '@candor/federation';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row, TrustState, WarningKind } from '../stores/tables.ts';
import { trust, warnings } from '../verification/trust.ts';
import { type CrossSigningSecrets, crossSigning } from './cross-signing.ts';
import { deviceDirectory } from './device-directory.ts';
import { signedDeviceKeys } from './device-identity.ts';
import type { EngineContext } from './engine-context.ts';
import { queueSignatures } from './queue-signatures.ts';

/** Where this device stands with its own user's cross-signing identity. */
export type OwnIdentity =
  /** The server has not been asked yet. */
  | 'unknown'
  /** The user has no cross-signing keys: create them. */
  | 'none'
  /** The user has keys and this device is not signed by them: import the secret. */
  | 'device-not-signed'
  | 'device-signed';

const ownUser = (tables: TableReader, { identity }: EngineContext): Row<'users'> | undefined =>
  tables.get('users', { userId: identity.userId });

/** Takes the secrets in use: pins our own master key and has this device signed. */
const adopt = (tables: TableWriter, context: EngineContext, secrets: CrossSigningSecrets): void => {
  const { identity } = context;
  const { userId, deviceId } = identity;
  const { master, selfSigning } = crossSigning.publicKeys(secrets);
  deviceDirectory.track(tables, [userId]);
  const user = ownUser(tables, context);
  if (!user) return;
  tables.put('crossSigningSecrets', secrets);
  tables.put('users', {
    ...user,
    trust: 'verified',
    firstSeenMasterKey: user.firstSeenMasterKey ?? master,
    masterKey: master,
    selfSigningKey: selfSigning,
    offeredMasterKey: null,
    offeredSelfSigningKey: null,
  });
  warnings.resolve(tables, userId, ['own-identity-differs'], context.now());
  queueSignatures(
    tables,
    crossSigning.deviceSignature(secrets, deviceId, signedDeviceKeys(identity)),
  );
};

const warningsOfUser: readonly WarningKind[] = [
  'identity-changed',
  'own-identity-differs',
  'device-keys-changed',
];

/** The user's own cross-signing identity, and what the person decides about others'. */
export const engineIdentity = {
  own: (tables: TableReader, context: EngineContext): OwnIdentity => {
    const { userId, deviceId } = context.identity;
    const user = ownUser(tables, context);
    if (!user || (user.queriedAt === null && user.masterKey === null)) return 'unknown';
    if (user.masterKey === null) return 'none';
    const device = tables.get('devices', { userId, deviceId });
    const signed = deviceDirectory.senderDoubt(tables, userId, device) === undefined;
    return signed ? 'device-signed' : 'device-not-signed';
  },

  /** Makes the user's cross-signing keys; others will see the identity change if there were some before. */
  create: (tables: TableWriter, context: EngineContext): void => {
    const { userId, deviceKey } = context.identity;
    const secrets = crossSigning.create(userId);
    const body = crossSigning.keysUpload(secrets, deviceKey);
    tables.put('crossSigningUploads', { operation: 'uploadCrossSigningKeys', body });
    adopt(tables, context, secrets);
  },

  /** Takes over secrets from another device; false when they are not those of the user's published identity. */
  import: (tables: TableWriter, context: EngineContext, secrets: CrossSigningSecrets): boolean => {
    const user = ownUser(tables, context);
    const isOffered = user?.offeredMasterKey != null;
    const published = isOffered ? user.offeredMasterKey : (user?.masterKey ?? null);
    const signer = isOffered ? user.offeredSelfSigningKey : (user?.selfSigningKey ?? null);
    const { master, selfSigning } = crossSigning.publicKeys(secrets);
    if (published !== null && published !== master) return false;
    if (published !== null && signer !== null && signer !== selfSigning) return false;
    adopt(tables, context, secrets);
    return true;
  },

  /** Vouches for an own device whose key was verified; false when this device does not hold the keys in force. */
  signDevice: (
    tables: TableWriter,
    context: EngineContext,
    deviceId: string,
    deviceKeys: JsonObject,
  ): boolean => {
    const user = ownUser(tables, context);
    const secrets = tables.get('crossSigningSecrets', { userId: context.identity.userId });
    if (!secrets || crossSigning.publicKeys(secrets).selfSigning !== user?.selfSigningKey) {
      return false;
    }
    queueSignatures(tables, crossSigning.deviceSignature(secrets, deviceId, deviceKeys));
    return true;
  },

  /** The person accepts a user's key; undefined when it is not the key they were shown. */
  accept: (
    tables: TableWriter,
    context: EngineContext,
    userId: string,
    masterKey: string,
    how: 'acknowledged' | 'verified',
  ): TrustState | undefined => {
    const user = tables.get('users', { userId });
    if (!user || (user.offeredMasterKey ?? user.masterKey) !== masterKey) return undefined;
    const accepted = trust.accept(user, how);
    tables.put('users', accepted);
    warnings.resolve(tables, userId, warningsOfUser, context.now());
    const secrets = tables.get('crossSigningSecrets', { userId: context.identity.userId });
    if (how === 'verified' && secrets && userId !== context.identity.userId) {
      queueSignatures(tables, crossSigning.masterKeySignature(secrets, userId, masterKey));
    }
    return accepted.trust;
  },
};
