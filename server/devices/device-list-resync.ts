import { setTimeout as pause } from 'node:timers/promises';
import { isObject } from '@candor/federation';
import { createSlots, type PeerClient, PeerError } from '@candor/federation/transport';
import { limits, serverNameOf } from '@candor/spec';
import type { Logger } from '../log.ts';
import type { Database } from '../storage/database.ts';
import { isPassingTrouble } from '../storage/passing-trouble.ts';
import { readRemoteListStates, readStaleRemoteUsers } from '../storage/remote-devices.ts';
import { readDevicesAnswer } from './read-key-answers.ts';
import { storeRemoteKeys } from './store-remote-keys.ts';

/** Whether the trouble is the server's. An answer that is none for one user comes again, and holds up the others. */
const isWorthRetrying = (error: unknown): boolean => {
  if (!(error instanceof PeerError)) return isPassingTrouble(error);
  if (error.kind !== 'status') return error.kind === 'timeout' || error.kind === 'unreachable';
  return (error.status ?? 500) >= 500 || error.status === 429;
};

/** Fetches device lists anew in which an update was missed: one at a time from each server, with pauses while it fails. */
// https://spec.matrix.org/v1.19/server-server-api/#device-management
export class DeviceListResync {
  readonly #db: Database;
  readonly #client: PeerClient;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #waiting = new Map<string, Set<string>>();
  readonly #working = new Set<Promise<void>>();
  readonly #withSlot = createSlots(limits.keysServersAtOnceMax);
  #count = 0;

  constructor(db: Database, client: PeerClient, log: Logger) {
    this.#db = db;
    this.#client = client;
    this.#log = log;
  }

  /** Takes up what was left stale at the last stop. */
  async start(): Promise<void> {
    const stale = await readStaleRemoteUsers(this.#db, limits.deviceListResyncsWaitingMax);
    for (const userId of stale) this.want(userId);
  }

  /** Asks for the user's list soon. Beyond the limit it stays stale until somebody asks for the user's keys. */
  want(userId: string): void {
    if (this.#stop.signal.aborted || this.#count >= limits.deviceListResyncsWaitingMax) return;
    const server = serverNameOf(userId) ?? '';
    const waiting = this.#waiting.get(server);
    if (waiting?.has(userId)) return;
    this.#count += 1;
    if (waiting) {
      waiting.add(userId);
      return;
    }
    const users = new Set([userId]);
    this.#waiting.set(server, users);
    const work = this.#work(server, users)
      .catch((err: unknown) => {
        if (!this.#stop.signal.aborted) this.#log.error({ err }, 'a device list was not fetched');
      })
      .finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  /** Starts nothing new; resolves when what was under way has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#working);
  }

  async #work(server: string, users: Set<string>): Promise<void> {
    let failures = 0;
    try {
      for (const userId of users) {
        users.delete(userId);
        this.#count -= 1;
        const isDone = await this.#withSlot(() => this.#fetch(server, userId));
        if (isDone) {
          failures = 0;
          continue;
        }
        users.add(userId);
        this.#count += 1;
        const waitMs = Math.min(limits.backoffMsMin * 2 ** failures, limits.backoffMsMax);
        failures += 1;
        await pause(waitMs, undefined, { signal: this.#stop.signal, ref: false });
      }
    } finally {
      this.#count -= users.size;
      this.#waiting.delete(server);
    }
  }

  /** False when it is worth another try. */
  async #fetch(destination: string, userId: string): Promise<boolean> {
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const heldSince = this.#db.clock.committed;
    try {
      const { tracked, held } = await readRemoteListStates(this.#db, [userId]);
      if (!tracked.has(userId) || held.has(userId)) return true;
      const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`;
      const maxBytes = limits.keysBodyBytesMax;
      const { body } = await this.#client.request({
        destination,
        method: 'GET',
        path,
        maxBytes,
        signal,
      });
      const answer = isObject(body) ? readDevicesAnswer(body, userId) : undefined;
      if (!answer) throw new PeerError('bad-answer', `${destination}: no list of devices`);
      const { keys, streamId } = answer;
      await storeRemoteKeys(this.#db, new Map([[userId, keys]]), { streamId, heldSince });
      return true;
    } catch (err) {
      if (signal.aborted) throw err;
      const isRetried = isWorthRetrying(err);
      const isForeseen = err instanceof PeerError || isRetried;
      if (!isForeseen) this.#log.warn({ err, userId }, 'a device list could not be kept');
      return !isRetried;
    }
  }
}
