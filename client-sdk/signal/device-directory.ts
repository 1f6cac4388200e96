import type { JsonObject } from '@candor/federation';
import { limits, serverNameOf } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { trust, warnings } from '../verification/trust.ts';
import { addressOf } from './address.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { restoreOwnDevice } from './own-device.ts';
import type { QueriedDevice } from './read-keys-query.ts';
import { signalNames } from './signal-names.ts';
import { yieldEvery } from './yield-every.ts';

type User = Row<'users'>;
type Device = Row<'devices'>;
type QueryRequest = Extract<EngineRequest, { operation: 'queryKeys' }>;

const newUser = (userId: string): User => ({
  userId,
  tracked: true,
  outdated: true,
  generation: 0,
  queryAfter: 0,
  queriedAt: null,
  trust: 'unknown',
  firstSeenMasterKey: null,
  masterKey: null,
  selfSigningKey: null,
  offeredMasterKey: null,
  offeredSelfSigningKey: null,
});

const storeUser = (
  tables: TableWriter,
  context: EngineContext,
  before: User,
  after: User,
): void => {
  tables.put('users', after);
  const { userId } = after;
  if (after.trust !== 'changed' || after.offeredMasterKey === before.offeredMasterKey) return;
  warnings.raise(tables, {
    userId,
    kind: userId === context.identity.userId ? 'own-identity-differs' : 'identity-changed',
    detail: {
      masterKey: after.masterKey,
      offeredMasterKey: after.offeredMasterKey,
      wasVerified: before.trust === 'verified',
    },
    createdAt: context.now(),
  });
};

const storeDevice = (
  tables: TableWriter,
  context: EngineContext,
  userId: string,
  queried: QueriedDevice,
): void => {
  const { deviceId, ed25519Key, signalIdentityKey } = queried;
  const known = tables.get('devices', { userId, deviceId });
  const own = context.identity;
  const isOwnDevice = userId === own.userId && deviceId === own.deviceId;
  const differs = isOwnDevice
    ? ed25519Key !== own.deviceKey.publicKey
    : known !== undefined &&
      (known.ed25519Key !== ed25519Key ||
        (known.signalIdentityKey !== null && known.signalIdentityKey !== signalIdentityKey));
  if (differs) {
    warnings.raise(tables, {
      userId,
      deviceId,
      kind: isOwnDevice ? 'own-device-keys-differ' : 'device-keys-changed',
      detail: { known: known?.ed25519Key ?? own.deviceKey.publicKey, offered: ed25519Key },
      createdAt: context.now(),
    });
    // The first keys of a device id stay; whatever claims the id with others is not that device.
    if (known) tables.put('devices', { ...known, deleted: false, keysChanged: true });
    return;
  }
  tables.put('devices', {
    ...queried,
    userId,
    address: addressOf(userId, deviceId),
    signalIdentityKey: known?.signalIdentityKey ?? signalIdentityKey,
    signedBy: queried.signedBy ?? null,
    deleted: false,
    keysChanged: known?.keysChanged ?? false,
    claimAfter: known?.claimAfter ?? 0,
  });
};

/** The part of an answer to a key query that is about these users. */
const answerAbout = (answer: unknown, users: readonly User[]): JsonObject =>
  Object.fromEntries(
    ['device_keys', 'master_keys', 'self_signing_keys'].map((part) => {
      const entries = users.map(({ userId }) => [userId, memberOf(memberOf(answer, part), userId)]);
      return [part, Object.fromEntries(entries)];
    }),
  );

const isEligible = (user: User | undefined, device: Device): boolean =>
  user !== undefined &&
  user.trust !== 'unknown' &&
  !trust.blocksSending(user) &&
  !device.deleted &&
  isAuthentic(user, device) &&
  device.algorithms.includes(signalNames.pairwise);

const isAuthentic = (user: User, device: Device): boolean =>
  device.signalIdentityKey !== null &&
  !device.keysChanged &&
  user.selfSigningKey !== null &&
  device.signedBy === user.selfSigningKey;

const hasEligible = (tables: TableReader, user: User): boolean =>
  tables
    .all('devices', { where: { userId: user.userId } })
    .some((device) => isEligible(user, device));

/** Why messages of a device are not read, or undefined when they are. */
export type SenderDoubt =
  | 'device-unknown'
  | 'device-not-signed'
  | 'device-keys-changed'
  | 'identity-changed';

/** Users and their devices as their own signatures prove them; the server is only believed about who is gone. */
export const deviceDirectory = {
  /** Begins to track users; those not known yet, or not tracked for a while, are to be queried. */
  track: (tables: TableWriter, userIds: Iterable<string>): void => {
    for (const userId of userIds) {
      const user = tables.get('users', { userId });
      if (!user?.tracked) tables.put('users', user ? { ...user, tracked: true } : newUser(userId));
    }
  },

  /** No encrypted room is shared with these users any more: before they get a message they are asked for anew. */
  // https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
  untrack: (tables: TableWriter, userIds: Iterable<string>): void => {
    for (const userId of userIds) {
      const user = tables.get('users', { userId });
      if (!user) continue;
      const generation = user.generation + 1;
      tables.put('users', { ...user, tracked: false, outdated: true, generation, queryAfter: 0 });
    }
  },

  /** The server said these lists changed; users who are not tracked are ignored. */
  markOutdated: (tables: TableWriter, userIds: Iterable<string>): void => {
    for (const userId of userIds) {
      const user = tables.get('users', { userId });
      if (!user) continue;
      const generation = user.generation + 1;
      tables.put('users', { ...user, outdated: true, generation, queryAfter: 0 });
    }
  },

  /**
   * The queries for those of the outdated users that may be asked now; `among` narrows it. One that
   * is `urgent` waits less long for users of whom no device is known to send to.
   */
  queryRequests: (
    tables: TableReader,
    now: number,
    among?: ReadonlySet<string>,
    urgent = false,
  ): QueryRequest[] => {
    const users = tables
      .all('users', { where: { outdated: true, tracked: true } })
      .filter((user) => among?.has(user.userId) ?? true)
      .filter((user) => {
        const { keyRequestBackoffMs, keyRequestUrgentMs } = limits;
        const sooner = urgent && !hasEligible(tables, user);
        const early = sooner ? keyRequestBackoffMs - keyRequestUrgentMs : 0;
        return user.queryAfter - early <= now;
      });
    const requests: QueryRequest[] = [];
    for (let at = 0; at < users.length; at += limits.keyRequestDevicesMax) {
      const slice = users.slice(at, at + limits.keyRequestDevicesMax);
      requests.push({
        operation: 'queryKeys',
        body: { device_keys: Object.fromEntries(slice.map(({ userId }) => [userId, []])) },
        generations: new Map(slice.map(({ userId, generation }) => [userId, generation])),
      });
    }
    return requests;
  },

  /** Takes in the answer to a query; returns the users whose keys are now up to date. */
  applyQuery: async (
    tables: TableWriter,
    context: EngineContext,
    request: QueryRequest,
    answer: unknown,
  ): Promise<string[]> => {
    const pause = yieldEvery(limits.eventLoopHoldMsMax);
    const users: User[] = [];
    const away = new Set<string>();
    for (const userId of request.generations.keys()) {
      const user = tables.get('users', { userId });
      if (!user) continue;
      const isAway =
        memberOf(memberOf(answer, 'failures'), serverNameOf(userId) ?? '') !== undefined;
      const isTold = memberOf(memberOf(answer, 'device_keys'), userId) !== undefined;
      if (isAway) away.add(userId);
      if (isTold || !isAway) users.push(user);
      else tables.put('users', { ...user, queryAfter: context.now() + limits.keyRequestBackoffMs });
    }
    const read = await context.fanOut.run('readUsers', tables, context, {
      entries: users.map(({ userId, selfSigningKey }) => ({ userId, selfSigningKey })),
      answer: answerAbout(answer, users),
    });
    const updated: string[] = [];
    for (const [index, user] of users.entries()) {
      const queried = read[index];
      if (!queried) continue;
      const { userId } = user;
      const seen = trust.see(user, queried.masterKey, queried.selfSigningKey);
      // Of a server that is away this one may know a part, and that it has signed: nothing is gone by it.
      const isPart = away.has(userId);
      const outdated = isPart || user.generation !== request.generations.get(userId);
      const queryAfter = isPart ? context.now() + limits.keyRequestBackoffMs : user.queryAfter;
      storeUser(tables, context, user, { ...seen, outdated, queryAfter, queriedAt: context.now() });
      const present = new Set(queried.devices.map(({ deviceId }) => deviceId));
      for (const device of isPart
        ? []
        : tables.all('devices', { where: { userId, deleted: false } })) {
        if (!present.has(device.deviceId)) tables.put('devices', { ...device, deleted: true });
      }
      for (const device of queried.devices) storeDevice(tables, context, userId, device);
      const own = context.identity;
      if (userId === own.userId && !isPart) {
        restoreOwnDevice(tables, context, present.has(own.deviceId));
      }
      updated.push(userId);
      await pause();
    }
    return updated;
  },

  /** The query could not be made: send with what is known until the back-off has passed. */
  queryFailed: (tables: TableWriter, now: number, request: QueryRequest): void => {
    for (const userId of request.generations.keys()) {
      const user = tables.get('users', { userId });
      if (user) tables.put('users', { ...user, queryAfter: now + limits.keyRequestBackoffMs });
    }
  },

  byAddress: (tables: TableReader, address: string): Device | undefined =>
    tables.all('devices', { where: { address }, limit: 1 })[0],

  /** Whether messages may be encrypted to the device. */
  isEligible: (tables: TableReader, device: Device): boolean =>
    isEligible(tables.get('users', { userId: device.userId }), device),
  /** The same where the device's user is at hand. */
  isEligibleOf: isEligible,

  /** Why what the device sent may not be shown as the user's; deleted devices may have sent it before. */
  senderDoubt: (
    tables: TableReader,
    userId: string,
    device: Device | undefined,
  ): SenderDoubt | undefined => {
    const user = tables.get('users', { userId });
    if (!user || !device) return 'device-unknown';
    if (device.keysChanged) return 'device-keys-changed';
    if (isAuthentic(user, device)) return undefined;
    return user.trust === 'changed' ? 'identity-changed' : 'device-not-signed';
  },
};
