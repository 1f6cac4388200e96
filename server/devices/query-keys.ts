import type { clientServer, ResponseOf } from '@candor/spec';
import type { Context } from '../context.ts';
import type { CrossSigningUsage } from '../storage/cross-signing.ts';
import { readExistingAccounts } from '../storage/existing-accounts.ts';
import { readUsersSharingWith } from '../storage/shared-rooms.ts';
import { keysTimeoutMs, type ServerFailure } from './ask-servers.ts';
import { byServer } from './by-server.ts';
import { addSignatures, deviceAnswer, readUserKeys, type UserKeys } from './user-keys.ts';

/** User id → device ids, none for all. */
type Asked = Readonly<Record<string, readonly string[]>>;
type Answer = ResponseOf<typeof clientServer.queryKeys>;

const crossSigningOf = (users: ReadonlyMap<string, UserKeys>, usage: CrossSigningUsage) =>
  Object.fromEntries(
    [...users].flatMap(([userId, { crossSigning }]) => {
      const key = crossSigning.get(usage);
      return key ? [[userId, key]] : [];
    }),
  );

const answerOf = (users: ReadonlyMap<string, UserKeys>, asked: Asked) => ({
  device_keys: Object.fromEntries(
    [...users].map(([userId, { devices }]) => {
      const wanted = new Set(asked[userId]);
      const answers = [...devices]
        .filter(([deviceId]) => wanted.size === 0 || wanted.has(deviceId))
        .map(([deviceId, device]) => [deviceId, deviceAnswer(device)] as const);
      return [userId, Object.fromEntries(answers)];
    }),
  ),
  master_keys: crossSigningOf(users, 'master'),
  self_signing_keys: crossSigningOf(users, 'self_signing'),
});

/** What a local user gets to see of the keys of others and of their own; servers that do not answer are in `failures`. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
export const queryKeys = async (
  { config, db, deviceLists }: Context,
  viewer: string,
  asked: Asked,
  timeoutMs: number | undefined,
): Promise<Answer> => {
  const { local, remote } = byServer(Object.keys(asked), config.serverName);
  const existing = await readExistingAccounts(db, local);
  const { users, failures } = await deviceLists.remote.read(remote, keysTimeoutMs(timeoutMs));
  for (const [userId, keys] of await readUserKeys(db, existing)) users.set(userId, keys);
  await addSignatures(db, users, viewer);
  const own = users.get(viewer);
  return {
    ...answerOf(users, asked),
    user_signing_keys: own ? crossSigningOf(new Map([[viewer, own]]), 'user_signing') : {},
    failures: Object.fromEntries<ServerFailure>(failures),
  };
};

/** What another server gets to see of users of this one; the names of devices only where they share a room. */
// https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery
export const queryKeysForServer = async (
  { config, db }: Context,
  origin: string,
  asked: Asked,
): Promise<ReturnType<typeof answerOf>> => {
  const { local } = byServer(Object.keys(asked), config.serverName);
  const users = await readKeysForServer(db, origin, await readExistingAccounts(db, local));
  return answerOf(users, asked);
};

/** Keys and signatures of local users that another server may see. */
export const readKeysForServer = async (
  db: Context['db'],
  origin: string,
  userIds: readonly string[],
): Promise<Map<string, UserKeys>> => {
  const users = await readUserKeys(db, userIds);
  await addSignatures(db, users, undefined);
  const sharing = await readUsersSharingWith(db, userIds, origin);
  for (const [userId, { devices }] of users) {
    if (sharing.has(userId)) continue;
    for (const [deviceId, { keys }] of devices) {
      devices.set(deviceId, { keys, displayName: undefined });
    }
  }
  return users;
};
