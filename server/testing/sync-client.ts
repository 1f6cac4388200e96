import type { TestServer, TestUser } from './start-server.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and would fail on a wrong shape.
type Answer = any;

/** An event as a client gets it. */
export type SeenEvent = {
  readonly type: string;
  readonly event_id: string;
  readonly sender: string;
  readonly state_key?: string;
  readonly content: Readonly<Record<string, unknown>>;
};

/** What a client knows of a room. */
export type SeenRoom = {
  membership: 'join' | 'leave' | 'invite' | 'knock';
  /** Event ids, the oldest first; begins anew after a gap. */
  timeline: string[];
  /** State key to event id. */
  readonly state: Map<string, string>;
  readonly receipts: Map<string, string>;
  typing: readonly string[];
  readonly accountData: Map<string, unknown>;
  summary: Readonly<Record<string, unknown>>;
  prevBatch: string;
};

const keyOf = ({ type, state_key: key }: SeenEvent): string => JSON.stringify([type, key]);

const newRoom = (): SeenRoom => ({
  membership: 'join',
  timeline: [],
  state: new Map(),
  receipts: new Map(),
  typing: [],
  accountData: new Map(),
  summary: {},
  prevBatch: '',
});

const applyState = (room: SeenRoom, events: readonly SeenEvent[]): void => {
  for (const event of events) {
    if (event.state_key !== undefined) room.state.set(keyOf(event), event.event_id);
  }
};

const applyEphemeral = (room: SeenRoom, events: readonly Answer[]): void => {
  for (const { type, content } of events) {
    if (type === 'm.typing') room.typing = content.user_ids;
    if (type !== 'm.receipt') continue;
    for (const [eventId, kinds] of Object.entries<Answer>(content)) {
      for (const [kind, users] of Object.entries<Answer>(kinds)) {
        for (const [userId, { thread_id: thread }] of Object.entries<Answer>(users)) {
          room.receipts.set(JSON.stringify([userId, kind, thread ?? '']), eventId);
        }
      }
    }
  }
};

/** A client by the specification's letter: it stores what answers say, and nothing else. */
export class SyncClient {
  readonly rooms = new Map<string, SeenRoom>();
  readonly events = new Map<string, SeenEvent>();
  readonly toDevice: unknown[] = [];
  readonly accountData = new Map<string, unknown>();
  readonly presence = new Map<string, Answer>();
  since: string | undefined;
  readonly #server: TestServer;
  readonly #user: TestUser;
  readonly #query: Readonly<Record<string, string>>;

  constructor(server: TestServer, user: TestUser, query: Readonly<Record<string, string>> = {}) {
    this.#server = server;
    this.#user = user;
    this.#query = query;
  }

  /** Asks, and does nothing with the answer. Throws what is no 200. */
  async ask(query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const since = query['since'] ?? this.since;
    const { since: _none, ...others } = query;
    const asked = { ...this.#query, ...others, ...(since && { since }) };
    const path = `/_matrix/client/v3/sync?${new URLSearchParams(asked)}`;
    const answer = await this.#server.request('GET', path, { token: this.#user.accessToken });
    if (answer.status !== 200) throw new Error(`/sync: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** One round: asks, stores, and gives the answer. */
  async sync(query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const body = await this.ask(query);
    this.apply(body);
    return body;
  }

  /** Syncs until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.sync({ timeout: '5000' });
  }

  room(roomId: string): SeenRoom {
    const room = this.rooms.get(roomId);
    if (!room) throw new Error(`the client has never heard of ${roomId}`);
    return room;
  }

  /** Texts of the messages in a room's timeline. */
  texts(roomId: string): unknown[] {
    return (this.rooms.get(roomId)?.timeline ?? []).flatMap((id) => {
      const event = this.events.get(id);
      return event?.type === 'm.room.message' ? [event.content['body']] : [];
    });
  }

  apply(body: Answer): void {
    this.since = body.next_batch;
    for (const event of body.account_data?.events ?? []) {
      this.accountData.set(event.type, event.content);
    }
    for (const event of body.presence?.events ?? []) this.presence.set(event.sender, event.content);
    this.toDevice.push(...(body.to_device?.events ?? []));
    const { join = {}, leave = {}, invite = {}, knock = {} } = body.rooms ?? {};
    for (const [roomId, part] of Object.entries(join)) this.#applyRoom(roomId, 'join', part);
    for (const [roomId, part] of Object.entries(leave)) this.#applyRoom(roomId, 'leave', part);
    for (const roomId of Object.keys(invite)) this.#pending(roomId, 'invite');
    for (const roomId of Object.keys(knock)) this.#pending(roomId, 'knock');
  }

  #pending(roomId: string, membership: 'invite' | 'knock'): void {
    const room = this.rooms.get(roomId) ?? newRoom();
    room.membership = membership;
    this.rooms.set(roomId, room);
  }

  #applyRoom(roomId: string, membership: 'join' | 'leave', part: Answer): void {
    const room = this.rooms.get(roomId) ?? newRoom();
    this.rooms.set(roomId, room);
    room.membership = membership;
    const timeline: SeenEvent[] = part.timeline?.events ?? [];
    const stateAfter: SeenEvent[] | undefined = part.state_after?.events;
    for (const event of [...(part.state?.events ?? []), ...(stateAfter ?? []), ...timeline]) {
      this.events.set(event.event_id, event);
    }
    if (part.timeline?.limited) room.timeline = [];
    if (part.timeline?.prev_batch && room.timeline.length === 0) {
      room.prevBatch = part.timeline.prev_batch;
    }
    const known = new Set(room.timeline);
    room.timeline.push(...timeline.map((event) => event.event_id).filter((id) => !known.has(id)));
    applyState(room, stateAfter ?? [...(part.state?.events ?? []), ...timeline]);
    applyEphemeral(room, part.ephemeral?.events ?? []);
    for (const event of part.account_data?.events ?? []) {
      room.accountData.set(event.type, event.content);
    }
    room.summary = { ...room.summary, ...part.summary };
  }
}
