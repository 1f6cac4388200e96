import type { RoomVersionRules } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import type { Database } from '../storage/database.ts';
import { DatabaseUnavailable } from '../storage/database-unavailable.ts';
import { DiskFull } from '../storage/free-space.ts';
import { NidBlocks, nidSequences } from '../storage/nid-blocks.ts';
import { PersistQueue } from '../storage/persist-events.ts';
import { readTogether } from '../storage/read-together.ts';
import { StateKeys } from '../storage/state-keys.ts';
import { Snapshots } from '../storage/state-snapshots.ts';
import { AuthEdges } from './auth-edges.ts';
import { EventCache } from './event-cache.ts';
import { KeyedTurns } from './keyed-turns.ts';
import { loadRooms } from './load-rooms.ts';
import type { RemoteSpace } from './remote/describe-remote.ts';
import { ResolutionThread } from './resolution-thread.ts';
import { ResolvedStates } from './resolved-states.ts';
import { Room } from './room.ts';
import { SentTransactions } from './sent-transactions.ts';
import { createSharedReads } from './shared-reads.ts';
import { Typing } from './typing.ts';

export type RoomsOptions = {
  readonly serverName: string;
  /** Where rooms that are not in use are dropped from memory. */
  readonly memoryBytesMax?: number;
};

/** Sizes are added up only now and then: it takes a look at every room. */
const admissionsPerEviction = 64;

/** The rooms in memory, and what they share. */
export class Rooms {
  readonly events: EventCache;
  readonly snapshots: Snapshots;
  readonly stateKeys: StateKeys;
  readonly snapshotNids: NidBlocks;
  readonly sentTransactions: SentTransactions;
  readonly authEdges: AuthEdges;
  readonly reads: ReturnType<typeof createSharedReads>;
  readonly resolvedStates = new ResolvedStates();
  readonly resolutionThread = new ResolutionThread();
  readonly queue: PersistQueue;
  readonly typing: Typing;
  /** Rooms that are new to this server come in one at a time. */
  readonly arrivals = new KeyedTurns();
  /** Invitations that other servers have and the room here has not, by room and user. */
  readonly invitations = new KeyedTurns();
  /** What one server sends for one room is taken in the order it came. */
  readonly inbound = new KeyedTurns();
  /** Those of them that take so long that nobody waits for them any more, each with whether more is staged. */
  readonly slowInbound = new Map<string, { isThere: boolean }>();
  /** Events that no server gave when they were asked for, and policy servers without an answer: not asked again at once. */
  readonly unavailable = new LRUCache<string, true>({
    max: limits.unavailableEventsMax,
    ttl: limits.unavailableEventsMs,
  });
  /** What other servers have said of rooms that this server is not in. */
  readonly remoteSpaces = new LRUCache<string, RemoteSpace>({
    max: limits.remoteSpacesMax,
    ttl: limits.remoteSpacesMs,
  });
  readonly #db: Database;
  readonly #serverName: string;
  readonly #bytesMax: number;
  readonly #roomNids: NidBlocks;
  /** Least recently used first. */
  readonly #loaded = new Map<string, Room>();
  #admissions = 0;
  #lastCreationMs = 0;
  readonly #loading = new Map<string, Promise<Room | undefined>>();
  readonly #read: (roomId: string) => Promise<Room | undefined>;

  constructor(db: Database, { serverName, memoryBytesMax }: RoomsOptions) {
    this.#db = db;
    this.#serverName = serverName;
    this.#bytesMax = memoryBytesMax ?? limits.roomsInMemoryBytesMax;
    this.events = new EventCache(db);
    this.snapshots = new Snapshots(db);
    this.stateKeys = new StateKeys(db);
    this.snapshotNids = new NidBlocks(db, nidSequences.snapshots);
    this.#roomNids = new NidBlocks(db, nidSequences.rooms);
    this.sentTransactions = new SentTransactions(db);
    this.typing = new Typing(db);
    this.authEdges = new AuthEdges(db, this.events);
    this.reads = createSharedReads(db);
    const { events, snapshots } = this;
    this.#read = readTogether((roomIds) =>
      loadRooms({ db, serverName, events, snapshots }, roomIds),
    );
    this.queue = new PersistQueue(db, (roomNids) => this.#drop(roomNids));
  }

  /** The room as it is now, queued steps included; undefined when this server has never heard of it. */
  async get(roomId: string): Promise<Room | undefined> {
    const loaded = this.#loaded.get(roomId);
    if (loaded) {
      this.#loaded.delete(roomId);
      this.#loaded.set(roomId, loaded);
      return loaded;
    }
    const underWay = this.#loading.get(roomId);
    if (underWay !== undefined) return underWay;
    const loading = this.#load(roomId).finally(() => this.#loading.delete(roomId));
    this.#loading.set(roomId, loading);
    return loading;
  }

  /**
   * Runs `work` as the room's one writer. Throws M_NOT_FOUND for a room this server has never heard of, and
   * `DatabaseUnavailable` when too much is queued already, `DiskFull` when there is no room for more.
   */
  async write<T>(roomId: string, work: (room: Room) => Promise<T>): Promise<T> {
    if (this.#db.space?.isShort) throw new DiskFull();
    if (this.queue.isFull) throw new DatabaseUnavailable('too much is queued');
    for (;;) {
      const room = await this.get(roomId);
      if (!room) throw new MatrixError('M_NOT_FOUND', 'this server does not know the room');
      const outcome = await room.exclusively(async () =>
        room.isStale ? undefined : { result: await work(room) },
      );
      if (outcome) return outcome.result;
    }
  }

  /**
   * A room that is new to this server, in memory only until its first step is queued and `admit` is called. `roomNid`
   * is of one that was known by name only.
   */
  async create(roomId: string, rules: RoomVersionRules, roomNid?: number): Promise<Room> {
    return new Room({
      roomId,
      roomNid: roomNid ?? (await this.#roomNids.take()),
      rules,
      serverName: this.#serverName,
      extremities: [],
      depth: 0,
      head: undefined,
      state: new Map(),
      settings: new Map(),
      joined: [],
      waitingRedactions: new Map(),
      gaps: [],
    });
  }

  /** A time of its own for each new room: equal create events would be one room where their hash is its name. */
  creationMs(nowMs: number): number {
    this.#lastCreationMs = Math.max(nowMs, this.#lastCreationMs + 1);
    return this.#lastCreationMs;
  }

  /** Makes a new room known under its id. */
  admit(room: Room): void {
    this.#loaded.set(room.roomId, room);
    this.#admissions += 1;
    if (this.#admissions % admissionsPerEviction === 0) this.evict(this.#bytesMax);
  }

  /** Forgets what memory has of a room whose step was given up halfway. */
  abandon(room: Room): void {
    room.isStale = true;
    if (this.#loaded.get(room.roomId) === room) this.#loaded.delete(room.roomId);
  }

  /** Drops rooms that are not in use, the least recently used first, until the others fit. */
  evict(bytesMax: number): void {
    let bytes = 0;
    for (const room of this.#loaded.values()) bytes += room.approximateBytes;
    for (const room of this.#loaded.values()) {
      if (bytes <= bytesMax) return;
      if (room.busy > 0) continue;
      bytes -= room.approximateBytes;
      this.abandon(room);
    }
  }

  async #load(roomId: string): Promise<Room | undefined> {
    const room = await this.#read(roomId);
    if (!room) return undefined;
    const admitted = this.#loaded.get(roomId);
    if (admitted) return admitted;
    this.admit(room);
    return room;
  }

  #drop(roomNids: ReadonlySet<number>): void {
    for (const room of this.#loaded.values()) if (roomNids.has(room.roomNid)) this.abandon(room);
  }
}
