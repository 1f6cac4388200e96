import {
  type PowerLevels,
  powerLevels,
  type RoomEvent,
  type RoomVersionRules,
  type StateKey,
  stateKeyOf,
} from '@candor/federation';
import { serverNameOf } from '@candor/spec';
import { jsonBytes } from '../json-bytes.ts';
import type { SnapshotHead } from '../storage/next-snapshot.ts';
import type { CurrentEntry } from '../storage/room-state.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

/** The state that rules and readers ask for at every event, kept parsed. */
export const roomSettings = {
  create: stateKeyOf('m.room.create', ''),
  powerLevels: stateKeyOf('m.room.power_levels', ''),
  joinRules: stateKeyOf('m.room.join_rules', ''),
  historyVisibility: stateKeyOf('m.room.history_visibility', ''),
  encryption: stateKeyOf('m.room.encryption', ''),
  guestAccess: stateKeyOf('m.room.guest_access', ''),
  serverAcl: stateKeyOf('m.room.server_acl', ''),
  tombstone: stateKeyOf('m.room.tombstone', ''),
  policy: stateKeyOf('m.room.policy', ''),
} as const;

const settingKeys: ReadonlySet<StateKey> = new Set(Object.values(roomSettings));
export const isRoomSetting = (key: StateKey): boolean => settingKeys.has(key);

export type RoomContents = {
  readonly roomId: string;
  readonly roomNid: number;
  readonly rules: RoomVersionRules;
  readonly serverName: string;
  readonly extremities: readonly string[];
  /** Depth of the deepest forward extremity. */
  readonly depth: number;
  readonly head: SnapshotHead | undefined;
  readonly state: Map<StateKey, CurrentEntry>;
  readonly settings: Map<StateKey, RoomEvent>;
  readonly joined: Iterable<string>;
  readonly waitingRedactions: Map<string, readonly string[]>;
  readonly gaps: readonly StreamPosition[];
};

/** A room in memory: what the next event needs to know. Only its one writer changes it, a step at a time. */
export class Room {
  readonly roomId: string;
  readonly roomNid: number;
  readonly rules: RoomVersionRules;
  extremities: readonly string[];
  depth: number;
  head: SnapshotHead | undefined;
  readonly state: Map<StateKey, CurrentEntry>;
  readonly settings: Map<StateKey, RoomEvent>;
  readonly waitingRedactions: Map<string, readonly string[]>;
  /** Positions of events right before which the timeline has a gap, ascending; the newest of them. */
  gaps: readonly StreamPosition[];
  readonly joined = new Set<string>();
  readonly localUsers = new Set<string>();
  /** Servers in the room, ours too, with how many users they have there. */
  readonly servers = new Map<string, number>();
  /** How often history from other servers has been brought in. */
  backfills = 0;
  /** A write failed: what is here has run ahead of the disk, and must be loaded anew. */
  isStale = false;
  /** Steps queued for the database, and work that holds the room. */
  busy = 0;
  readonly #serverName: string;
  #levels: PowerLevels | undefined;
  #settingsBytes: number | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(contents: RoomContents) {
    this.roomId = contents.roomId;
    this.roomNid = contents.roomNid;
    this.rules = contents.rules;
    this.#serverName = contents.serverName;
    this.extremities = contents.extremities;
    this.depth = contents.depth;
    this.head = contents.head;
    this.state = contents.state;
    this.settings = contents.settings;
    this.waitingRedactions = contents.waitingRedactions;
    this.gaps = contents.gaps;
    for (const userId of contents.joined) this.setJoined(userId, true);
  }

  /** Runs one piece of work at a time, in the order asked for. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.busy += 1;
    const result = this.#turn.then(work).finally(() => {
      this.busy -= 1;
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Whether this server takes part: only then is what is here the room's state. */
  get isResident(): boolean {
    return this.localUsers.size > 0;
  }

  // Presence of the event counts, whatever is left in it: encryption cannot be switched off.
  get isEncrypted(): boolean {
    return this.state.has(roomSettings.encryption);
  }

  get levels(): PowerLevels {
    this.#levels ??= powerLevels(this.settings, this.rules);
    return this.#levels;
  }

  memberEntry(userId: string): CurrentEntry | undefined {
    return this.state.get(stateKeyOf('m.room.member', userId));
  }

  joinRule(): string {
    const rule = this.settings.get(roomSettings.joinRules)?.content['join_rule'];
    return typeof rule === 'string' ? rule : 'invite';
  }

  historyVisibility(): string {
    const event = this.settings.get(roomSettings.historyVisibility);
    const visibility = event?.content['history_visibility'];
    return typeof visibility === 'string' ? visibility : 'shared';
  }

  /** Puts a state event in its place, or takes the entry out when there is none. */
  setState(key: StateKey, entry: CurrentEntry | undefined, event: RoomEvent | undefined): void {
    if (entry) this.state.set(key, entry);
    else this.state.delete(key);
    if (!settingKeys.has(key)) return;
    if (event) this.settings.set(key, event);
    else this.settings.delete(key);
    this.#levels = undefined;
    this.#settingsBytes = undefined;
  }

  /** The event behind a state entry has been redacted. */
  replaceSetting(key: StateKey, event: RoomEvent): void {
    if (this.settings.get(key)?.eventId !== event.eventId) return;
    this.settings.set(key, event);
    this.#levels = undefined;
    this.#settingsBytes = undefined;
  }

  setJoined(userId: string, isJoined: boolean): void {
    if (this.joined.has(userId) === isJoined) return;
    const server = serverNameOf(userId) ?? '';
    const count = (this.servers.get(server) ?? 0) + (isJoined ? 1 : -1);
    if (count > 0) this.servers.set(server, count);
    else this.servers.delete(server);
    if (isJoined) this.joined.add(userId);
    else this.joined.delete(userId);
    if (server !== this.#serverName) return;
    if (isJoined) this.localUsers.add(userId);
    else this.localUsers.delete(userId);
  }

  /** What the room costs in memory, roughly. */
  get approximateBytes(): number {
    this.#settingsBytes ??= this.settings
      .values()
      .reduce((bytes, event) => bytes + jsonBytes(event.pdu), 0);
    return 12_288 + this.#settingsBytes + this.state.size * 160 + this.joined.size * 90;
  }
}
