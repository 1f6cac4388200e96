import { limits } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import { trust } from '../verification/trust.ts';
import { crossSigning } from './cross-signing.ts';
import { signedDeviceKeys } from './device-identity.ts';
import type { EngineContext } from './engine-context.ts';
import { queueSignatures } from './queue-signatures.ts';

const counter = 'ownDeviceAfter';

/** The signing keys, when this device has those of the identity in force, and the server shows no other. */
const secretsInForce = (tables: TableReader, userId: string) => {
  const secrets = tables.get('crossSigningSecrets', { userId });
  const user = tables.get('users', { userId });
  if (!secrets || trust.blocksSending(user)) return undefined;
  return crossSigning.publicKeys(secrets).selfSigning === user?.selfSigningKey
    ? secrets
    : undefined;
};

/**
 * Looks at what the server shows of this device, and has what it lacks uploaded again: it was
 * forgotten with an earlier session, or its signature came before the keys. At most once a minute.
 */
export const restoreOwnDevice = (
  tables: TableWriter,
  context: EngineContext,
  isShown: boolean,
): void => {
  const { identity, now } = context;
  const { userId, deviceId } = identity;
  const [user, uploads] = [tables.get('users', { userId }), tables.get('keyUploads', { userId })];
  const secrets = secretsInForce(tables, userId);
  const device = tables.get('devices', { userId, deviceId });
  const isForgotten = !isShown && uploads?.deviceKeysUploaded === true;
  const isUnsigned = !isShown || device?.signedBy !== user?.selfSigningKey;
  if (!user || (!isForgotten && !(secrets && isUnsigned))) return;
  const after = tables.get('counters', { name: counter })?.next ?? 0;
  if (after > now()) {
    tables.put('users', { ...user, outdated: true, queryAfter: after });
    return;
  }
  tables.put('counters', { name: counter, next: now() + limits.keyRequestBackoffMs });
  if (uploads && isForgotten) tables.put('keyUploads', { ...uploads, deviceKeysUploaded: false });
  if (!secrets) return;
  const signature = crossSigning.deviceSignature(secrets, deviceId, signedDeviceKeys(identity));
  queueSignatures(tables, signature);
};
