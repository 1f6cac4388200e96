import { limits, serverNameOf } from '@candor/spec';
import { recentlyUsed } from '../recently-used.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

export type PresenceName = 'online' | 'unavailable' | 'offline';

/** What others are shown of a user. */
export type PresenceState = {
  readonly presence: PresenceName;
  readonly statusMessage: string | undefined;
  /** Milliseconds since the epoch. */
  readonly lastActiveAt: number;
  /** Of the last change that was told. */
  readonly position: StreamPosition;
};

/** Of a user of this server, what the state is made of. */
type Session = {
  /** What the user, or the last client, asked for. */
  wanted: PresenceName;
  /** Answers of `/sync` that are waited for, and open sockets. */
  connections: number;
  lastSeenAt: number;
  lastActiveAt: number;
  /** Null for none; undefined where only the database knows. */
  statusMessage: string | null | undefined;
};

/** What is to be told of a user of ours. */
export type PresenceToTell = {
  readonly presence: PresenceName;
  readonly statusMessage: string | null | undefined;
  readonly lastActiveAt: number;
  /** The user asked for it; other sessions of the user hear of it too. */
  readonly isAskedFor: boolean;
};

type Options = {
  readonly serverName: string;
  readonly now: () => number;
  /** Tells others of a user of ours, stores it, and hands the outcome to `put`. */
  readonly tell: (userId: string, state: PresenceToTell) => Promise<void>;
};

/** Who is there. Users of ours are online while a client of theirs syncs, and idle after some minutes without activity. */
// https://spec.matrix.org/v1.19/client-server-api/#presence
export class Presence {
  readonly #options: Options;
  readonly #sessions = new Map<string, Session>();
  readonly #states = recentlyUsed<string, PresenceState>(limits.presencesInMemoryMax);
  readonly #sweep: NodeJS.Timeout;

  constructor(options: Options) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#lookAtAll(), limits.presenceSweepMs);
    this.#sweep.unref();
  }

  /** A client begins to sync; what is returned says that it has ended. With `offline` nobody is to notice. */
  connect(userId: string, wanted: PresenceName): () => void {
    if (wanted === 'offline') return () => undefined;
    const session = this.#session(userId);
    const isBack = session.connections === 0 && this.#nameOf(session) === 'offline';
    session.connections += 1;
    session.lastSeenAt = this.#options.now();
    if (isBack) session.lastActiveAt = session.lastSeenAt;
    // A client that polls does not undo what its user has asked for.
    if (isBack || wanted === 'unavailable') session.wanted = wanted;
    this.#look(userId, session);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      session.connections -= 1;
      session.lastSeenAt = this.#options.now();
    };
  }

  /** The user asks for a presence. */
  set(userId: string, wanted: PresenceName, statusMessage: string | null): Promise<void> {
    const session = this.#session(userId);
    const now = this.#options.now();
    session.wanted = wanted;
    session.statusMessage = statusMessage;
    session.lastSeenAt = now;
    if (wanted === 'online') session.lastActiveAt = now;
    return this.#tell(userId, session, true);
  }

  /** The user did something. */
  noteActivity(userId: string): void {
    const session = this.#sessions.get(userId);
    if (!session) return;
    session.lastActiveAt = this.#options.now();
    if (session.wanted === 'unavailable') session.wanted = 'online';
    this.#look(userId, session);
  }

  /** What a user's server says, or what was told of a user of ours. */
  put(userId: string, state: PresenceState): void {
    this.#states.set(userId, state);
  }

  /** Undefined for users nothing is known of since the start. */
  of(userId: string): PresenceState | undefined {
    const state = this.#states.get(userId);
    const session = this.#sessions.get(userId);
    if (state && session) return { ...state, lastActiveAt: session.lastActiveAt };
    if (!state || this.#isOurs(userId)) return state;
    // Other servers say nothing when they are gone.
    const isOld = this.#options.now() - state.lastActiveAt > limits.remotePresenceMs;
    return isOld ? { ...state, presence: 'offline' } : state;
  }

  /** Users whose state has changed after a stream position. */
  changedAfter(position: StreamPosition): string[] {
    const users: string[] = [];
    for (const [userId, state] of this.#states.entries()) {
      if (state.position > position) users.push(userId);
    }
    return users;
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #isOurs(userId: string): boolean {
    return serverNameOf(userId) === this.#options.serverName;
  }

  #session(userId: string): Session {
    const known = this.#sessions.get(userId);
    if (known) return known;
    const session: Session = {
      wanted: 'offline',
      connections: 0,
      lastSeenAt: 0,
      lastActiveAt: 0,
      statusMessage: undefined,
    };
    this.#sessions.set(userId, session);
    return session;
  }

  #nameOf({ wanted, connections, lastSeenAt, lastActiveAt }: Session): PresenceName {
    const now = this.#options.now();
    if (connections === 0 && now - lastSeenAt > limits.presenceOfflineMs) return 'offline';
    const isIdle = now - lastActiveAt > limits.presenceIdleMs;
    return wanted === 'online' && isIdle ? 'unavailable' : wanted;
  }

  #look(userId: string, session: Session): void {
    const told = this.#states.peek(userId)?.presence ?? 'offline';
    if (this.#nameOf(session) !== told) this.#tell(userId, session, false).catch(() => undefined);
  }

  #lookAtAll(): void {
    for (const [userId, session] of this.#sessions) {
      this.#look(userId, session);
      if (session.connections === 0 && this.#nameOf(session) === 'offline') {
        this.#sessions.delete(userId);
      }
    }
  }

  #tell(userId: string, session: Session, isAskedFor: boolean): Promise<void> {
    const { lastActiveAt, statusMessage } = session;
    const presence = this.#nameOf(session);
    const before = this.#states.peek(userId);
    // Set before it is told, so that the next look does not tell it again.
    this.put(userId, {
      presence,
      lastActiveAt,
      statusMessage: statusMessage ?? before?.statusMessage,
      position: before?.position ?? 0,
    });
    return this.#options.tell(userId, { presence, statusMessage, lastActiveAt, isAskedFor });
  }
}
