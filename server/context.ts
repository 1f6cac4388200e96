import type { SigningKey } from '@candor/federation';
import type { KeyRing, PeerClient, Sender } from '@candor/federation/transport';
import type { Accounts } from './accounts/accounts.ts';
import type { Certificates } from './certificates/open-certificates.ts';
import type { OldSigningKey } from './config/old-signing-keys.ts';
import type { Config } from './config/read-config.ts';
import type { DeviceLists } from './devices/device-lists.ts';
import type { Logger } from './log.ts';
import type { Blobs } from './media/blobs.ts';
import type { Notifier } from './notifier.ts';
import type { InviteLimit } from './peers/invite-limit.ts';
import type { LateEvents } from './peers/late-events.ts';
import type { Rooms } from './rooms/rooms.ts';
import type { Database } from './storage/database.ts';
import type { SyncMemory } from './sync/sync-memory.ts';

/** What this server says to others, and with which key. */
type Federation = {
  readonly signingKey: SigningKey;
  /** With which it signed before. */
  readonly oldSigningKeys: readonly OldSigningKey[];
  /** What its listeners show to others. */
  readonly certificates: Certificates;
  readonly keyRing: KeyRing;
  readonly client: PeerClient;
  /** Whether the settings let us deal with this server. */
  readonly isAllowed: (serverName: string) => boolean;
  readonly sender: Sender;
  /** How fast other servers may invite; nothing where the settings limit nobody. */
  readonly inviteLimit: InviteLimit | undefined;
  /** Events of others that have to wait for what they build on. */
  readonly late: LateEvents;
};

/** Everything a domain function may reach; only `server.ts` builds it. Storage functions take `db` or `tx` instead. */
export type Context = {
  readonly config: Config;
  readonly log: Logger;
  readonly db: Database;
  readonly notifier: Notifier;
  readonly accounts: Accounts;
  readonly rooms: Rooms;
  readonly federation: Federation;
  readonly deviceLists: DeviceLists;
  readonly sync: SyncMemory;
  readonly blobs: Blobs;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
};
