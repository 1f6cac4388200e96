import { EventEmitter } from 'node:events';
import { clientServer, type Operation, type ResponseOf } from '@candor/spec';
import {
  type IdentityChoice,
  publishIdentity,
  type SealedIdentity,
} from './account/publish-identity.ts';
import {
  type LoginOptions,
  logIn,
  openStore,
  type RegisterOptions,
  type StoreOptions,
  signUp,
} from './account/sign-in.ts';
import { type CallParts, HomeserverApi } from './api/homeserver-api.ts';
import { CandorError } from './candor-error.ts';
import {
  type ClientEvents,
  type Telling,
  tellingsOfNews,
  tellingsOfOutcome,
  type Warning,
} from './client-events.ts';
import { createRoom } from './rooms/create-room.ts';
import { findDirectRoom } from './rooms/find-direct-room.ts';
import { refuseClear } from './rooms/refuse-clear.ts';
import { Room, type RoomContext } from './rooms/room.ts';
import { Recovery } from './secrets/recovery.ts';
import { Courier } from './send/courier.ts';
import { SendQueue } from './send/send-queue.ts';
import type { ReceiveOutcome } from './signal/engine-receive.ts';
import type { SafetyNumber } from './signal/fingerprint.ts';
import { SignalEngine } from './signal/signal-engine.ts';
import type { Store } from './stores/store.ts';
import type { Row, TrustState } from './stores/tables.ts';
import { applySync } from './sync/apply-sync.ts';
import { awaitedKeys } from './sync/awaited-keys.ts';
import type { SyncNews } from './sync/read-sync.ts';
import { runSyncLoop, type SyncState } from './sync/sync-loop.ts';
import { Decisions, type DeviceOfUser } from './verification/decisions.ts';
import { Verifications } from './verification/verifications.ts';

/** One device of one user: signs in, syncs, and keeps every conversation end-to-end encrypted. */
export class Candor extends EventEmitter<ClientEvents> {
  readonly userId: string;
  readonly deviceId: string;
  /** Comparing emoji or scanning a code with users of any Matrix client, and with one's own devices. */
  readonly verifications: Verifications;
  /** The user's keys and history for their next device: with a recovery key, and an archive. */
  readonly recovery: Recovery;
  readonly #store: Store;
  readonly #api: HomeserverApi;
  readonly #engine: SignalEngine;
  readonly #courier: Courier;
  readonly #queue: SendQueue;
  readonly #roomContext: RoomContext;
  readonly #decisions: Decisions;
  #running: { readonly stop: AbortController; readonly ended: Promise<unknown> } | undefined;

  /** Signs in with a password. A store that belongs to the user already goes on with its device. */
  static async login(options: LoginOptions & IdentityChoice): Promise<Candor> {
    const store = openStore(options.store);
    try {
      const client = new Candor(store, await logIn(options, store));
      await client.#publish(options.password, options);
      return client;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Makes an account and signs in. */
  static async register(options: RegisterOptions): Promise<Candor> {
    const store = openStore(options.store);
    try {
      const client = new Candor(store, await signUp(options, store));
      await client.#publish(options.password);
      return client;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Goes on with the account of a store, without a password and without asking the network. */
  static open(options: StoreOptions): Candor {
    const store = openStore(options);
    const account = store.all('account')[0];
    if (account) return new Candor(store, account);
    store.close();
    throw new CandorError('no-account', 'the store has no account: log in first');
  }

  private constructor(store: Store, account: Row<'account'>) {
    super();
    const { userId, deviceId, accessToken, refreshToken } = account;
    this.userId = userId;
    this.deviceId = deviceId;
    this.#store = store;
    this.#api = new HomeserverApi({
      baseUrl: account.homeserverUrl ?? '',
      ...(accessToken !== null && { tokens: { accessToken, refreshToken } }),
      onTokens: (tokens) => {
        store.transaction((tx) => {
          tx.put('account', { ...(tx.get('account', { userId }) ?? account), ...tokens });
        });
      },
    });
    this.#engine = new SignalEngine({ store, userId, deviceId });
    const [api, engine] = [this.#api, this.#engine];
    const onOutcome = (outcome: ReceiveOutcome) => {
      this.#tellOutcome(outcome);
      this.verifications.receive([], outcome.updated);
      this.recovery.receive(outcome);
    };
    this.#courier = new Courier({ api, engine, onOutcome });
    this.#decisions = new Decisions(engine, onOutcome);
    const onProblem = (error: unknown) => this.#problem(error);
    this.#queue = new SendQueue({ api, engine, store, courier: this.#courier }, onProblem);
    const parts = { api, engine, store, userId, courier: this.#courier, onOutcome };
    const tell = (telling: Telling) => this.#tell([telling]);
    this.recovery = new Recovery(parts, tell);
    this.#roomContext = { ...parts, queue: this.#queue, archive: this.recovery.archive };
    this.verifications = new Verifications({ ...parts, ...this.#roomContext }, tell);
    // The device that was verified has what this one lacks.
    this.on('ownDeviceVerified', () => this.recovery.ask().catch((e) => this.#problem(e)));
  }

  #publish(password: string, identity?: IdentityChoice): Promise<boolean> {
    const proofs = { userId: this.userId, password };
    return publishIdentity(this.#engine, this.#courier, proofs, identity);
  }

  /** Begins to sync and to send; resolves when everything that happened before is known. */
  start(): Promise<void> {
    if (this.#running) throw new CandorError('stopped', 'the client was started before');
    const stop = new AbortController();
    const { signal } = stop;
    const stopped = new CandorError('stopped', 'the client was stopped');
    return new Promise((resolve, reject) => {
      let live: AbortController | undefined;
      let last: SyncState | undefined;
      const onState = (state: SyncState, cause?: unknown) => {
        live?.abort();
        live = undefined;
        if (state === 'live') {
          live = new AbortController();
          this.#queue.run(AbortSignal.any([live.signal, signal]));
          resolve();
        }
        if (state === 'signed-out' || signal.aborted) reject(cause ?? stopped);
        if (state !== last) this.#tell([{ name: 'state', args: [state] }]);
        last = state;
        if (cause !== undefined) this.#problem(cause);
      };
      const since = () => this.#store.get('account', { userId: this.userId })?.syncToken ?? null;
      const apply = (body: unknown) => this.#apply(body, signal);
      this.#running = {
        stop,
        ended: Promise.all([
          runSyncLoop({ api: this.#api, since, apply, onState }, signal),
          this.#courier.keepFollowingUp(signal, (error) => this.#problem(error)),
          this.recovery.archive.run(signal),
        ]),
      };
    });
  }

  /** Stops syncing and sending, and closes the store; what is queued goes out after the next start. */
  async stop(): Promise<void> {
    this.#running?.stop.abort();
    this.#api.close();
    this.verifications.stop();
    await this.#running?.ended;
    await this.#queue.stop();
    await this.recovery.idle();
    await this.#courier.idle();
    await this.#engine.close();
    this.#store.close();
  }

  #apply(body: unknown, signal: AbortSignal): Promise<string> {
    const { api, engine, store, userId } = this.#roomContext;
    const emit = (news: SyncNews, outcome: ReceiveOutcome) => {
      this.#tell(tellingsOfNews(news));
      this.#tellOutcome(outcome);
      this.verifications.receive(news.toDevice, [...outcome.events, ...outcome.updated]);
      this.recovery.receive(outcome);
    };
    const followUp = async (held: ReceiveOutcome['events']) => {
      await this.#courier.followUp().catch((error: unknown) => this.#problem(error));
      this.#tellOutcome({ events: awaitedKeys.inVain(store, held) });
    };
    return applySync({ api, engine, store, userId, signal, emit, followUp }, body);
  }

  #tellOutcome(outcome: Partial<ReceiveOutcome>): void {
    this.#tell(tellingsOfOutcome(this.#store, this, outcome));
  }

  #problem(error: unknown): void {
    this.#tell([{ name: 'problem', args: [error] }]);
  }

  #tell(tellings: readonly Telling[]): void {
    for (const { name, args } of tellings) {
      if (name === 'warning') this.#decisions.show(args[0].userId);
      try {
        this.emit(name, ...(args as never));
      } catch (error) {
        // What a listener throws must not stop the sync.
        if (name !== 'problem') this.#problem(error);
      }
    }
  }

  /** The rooms the user is in or invited to. */
  rooms(): Room[] {
    return this.#store
      .all('rooms')
      .map(({ roomId }) => this.room(roomId))
      .filter(({ membership }) => membership !== 'leave');
  }

  room(roomId: string): Room {
    return new Room(this.#roomContext, roomId);
  }

  /** The direct room with a user: one there is, one they invited us to, or a new one with an invitation. */
  async directRoom(userId: string): Promise<Room> {
    const known = findDirectRoom(this.rooms(), userId);
    if (known?.membership === 'invite') await known.join();
    return known ?? this.#create({ encryption: 'direct', invite: [userId] });
  }

  /** Makes an encrypted group room and invites users to it. */
  createGroup(group: { name?: string; invite?: readonly string[] } = {}): Promise<Room> {
    return this.#create({ encryption: 'group', invite: [], ...group });
  }

  async #create(room: Parameters<typeof createRoom>[2]): Promise<Room> {
    return this.room(await createRoom(this.#api, this.#store, room));
  }

  /** What the person has not dealt with yet, oldest first. */
  warnings(): Warning[] {
    return this.#decisions.warnings();
  }

  /** How far a user's identity is trusted. */
  trustOf(userId: string): TrustState {
    return this.#engine.trustOf(userId).state;
  }

  /** A user's devices as far as known; messages are encrypted only to the `trusted` ones. */
  devicesOf(userId: string): DeviceOfUser[] {
    return this.#decisions.devicesOf(userId);
  }

  /** The number to compare with a user; undefined while their identity is not known here. */
  safetyNumber(userId: string): SafetyNumber | undefined {
    return this.#decisions.safetyNumber(userId);
  }

  /** Accepts the changed identity last shown of a user; false when it has changed again since. */
  acknowledge(userId: string): Promise<boolean> {
    return this.#decisions.accept(userId, 'acknowledge');
  }

  /** The safety number last shown of a user was compared and is right; false when it has changed since. */
  verify(userId: string): Promise<boolean> {
    return this.#decisions.accept(userId, 'verify');
  }

  /** The user's signing keys, sealed with a passphrase, for `login` on another device. */
  exportIdentity(passphrase: string): string | undefined {
    return this.#engine.exportCrossSigningSecret(passphrase);
  }

  /** Takes over the signing keys exported from another device of the user, which makes this one trusted. */
  async importIdentity({ sealed, passphrase }: SealedIdentity): Promise<boolean> {
    const isTaken = await this.#engine.importCrossSigningSecret(sealed, passphrase);
    if (isTaken) await this.#courier.followUp();
    return isTaken;
  }

  /** Any endpoint of the homeserver, by its description in `clientServer`. It carries no messages into encrypted rooms. */
  async call<O extends Operation>(operation: O, parts: CallParts<O>): Promise<ResponseOf<O>> {
    refuseClear(this.#store, operation, parts);
    return this.#api.call(operation, parts);
  }

  /** Ends the session on the homeserver, whose device goes with it, and closes the store. */
  async logout(): Promise<void> {
    await this.#api.call(clientServer.logout, {});
    await this.stop();
  }
}
