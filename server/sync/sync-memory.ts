import { isObject } from '@candor/federation';
import { createSlots, type Sender } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import type { Notifier } from '../notifier.ts';
import { Presence } from '../presence/presence.ts';
import { tellPresence } from '../presence/tell-presence.ts';
import { readPushRules } from '../push/push-rules.ts';
import type { PushRuleset } from '../push/push-ruleset.ts';
import { readAccountData } from '../storage/account-data.ts';
import type { Database } from '../storage/database.ts';
import { unusedFallbackTypes } from '../storage/fallback-keys.ts';
import { oneTimeKeyCounts } from '../storage/one-time-keys.ts';
import { Inboxes } from './inboxes.ts';
import { InitialAnswers } from './initial-answers.ts';
import { ReadOnce } from './read-once.ts';
import { CountsOfRooms } from './room-counts.ts';
import { SentMembers } from './sent-members.ts';
import { UnreadCounts } from './unread-counts.ts';
import { UserRooms } from './user-rooms.ts';

const ignoredUsersType = 'm.ignored_user_list';

/** What is kept in memory so that a wake-up of a session costs no query. */
export type SyncMemory = {
  readonly rooms: UserRooms;
  readonly counts: CountsOfRooms;
  readonly sentMembers: SentMembers;
  readonly inboxes: Inboxes;
  readonly ignored: ReadOnce<ReadonlySet<string>>;
  /** By `{userId} {deviceId}`, the parts of an answer about the device's one-time and fallback keys. */
  readonly deviceKeys: ReadOnce<string>;
  readonly presence: Presence;
  readonly pushRules: ReadOnce<PushRuleset>;
  readonly unread: UnreadCounts;
  readonly initialAnswers: InitialAnswers;
  /** Slices of long answers, of all sessions together. */
  readonly inTurn: ReturnType<typeof createSlots>;
  close(): void;
};

const readIgnored = async (db: Database, userId: string): Promise<ReadonlySet<string>> => {
  const content = await readAccountData(db, { userId, type: ignoredUsersType });
  const users = content?.['ignored_users'];
  return new Set(isObject(users) ? Object.keys(users) : []);
};

// https://spec.matrix.org/v1.19/client-server-api/#e2e-extensions-to-sync
const readDeviceKeys = async (db: Database, session: string): Promise<string> => {
  const space = session.indexOf(' ');
  const [userId, deviceId] = [session.slice(0, space), session.slice(space + 1)];
  const [counts, fallbackTypes] = await Promise.all([
    oneTimeKeyCounts(db, userId, deviceId),
    unusedFallbackTypes(db, userId, deviceId),
  ]);
  // Clients that know only this algorithm take its absence for a server without keys.
  const shown = JSON.stringify({ signed_curve25519: 0, ...counts });
  return `"device_one_time_keys_count":${shown},"device_unused_fallback_key_types":${JSON.stringify(fallbackTypes)}`;
};

type Parts = {
  readonly db: Database;
  readonly notifier: Notifier;
  readonly sender: Sender;
  readonly serverName: string;
  readonly now: () => number;
};

export const createSyncMemory = (parts: Parts): SyncMemory => {
  const { db, notifier, now, serverName } = parts;
  const presence: Presence = new Presence({
    now,
    serverName,
    tell: (userId, state) => tellPresence({ ...parts, presence }, userId, state),
  });
  const ignored = new ReadOnce(limits.syncUsersInMemoryMax, (userId) => readIgnored(db, userId));
  const pushRules = new ReadOnce(limits.syncUsersInMemoryMax, (userId) =>
    readPushRules(db, userId),
  );
  const deviceKeys = new ReadOnce(limits.syncDevicesInMemoryMax, (session) =>
    readDeviceKeys(db, session),
  );
  const stopListening = notifier.listen(({ change }) => {
    if (change.kind === 'accountData') {
      if (change.type === ignoredUsersType) ignored.forget(change.userId);
      if (change.type === 'm.push_rules') pushRules.forget(change.userId);
    } else if (change.kind === 'oneTimeKeys') {
      deviceKeys.forget(`${change.userId} ${change.deviceId}`);
    } else if (change.kind === 'event' && change.sentBy) {
      presence.noteActivity(change.event.sender);
    }
  });
  const rooms = new UserRooms(db, notifier);
  const counts = new CountsOfRooms(db, notifier);
  const inboxes = new Inboxes(db, notifier);
  return {
    rooms,
    counts,
    inboxes,
    ignored,
    deviceKeys,
    presence,
    pushRules,
    unread: new UnreadCounts(),
    initialAnswers: new InitialAnswers(),
    inTurn: createSlots(limits.syncSlicesAtOnceMax),
    sentMembers: new SentMembers(),
    close: () => {
      stopListening();
      rooms.close();
      counts.close();
      inboxes.close();
      presence.close();
    },
  };
};
