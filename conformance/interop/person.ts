import type { Account } from '../register-account.ts';
import { sendRequest } from '../send-request.ts';
import { waitUntil } from './wait-until.ts';

type Json = Readonly<Record<string, unknown>>;

export type ClientEvent = {
  readonly event_id: string;
  readonly type: string;
  readonly state_key?: string;
  readonly sender: string;
  readonly content: Json;
};

/** What the stories read of a sync; all of it may be missing. */
export type SyncAnswer = {
  readonly next_batch: string;
  readonly rooms?: {
    readonly invite?: Readonly<Record<string, unknown>>;
    readonly join?: Readonly<Record<string, { readonly ephemeral?: { events?: ClientEvent[] } }>>;
  };
  readonly presence?: { readonly events?: ClientEvent[] };
  readonly to_device?: { readonly events?: ClientEvent[] };
};

/** An account that calls the client-server API of any homeserver. */
export type Person = Account & {
  readonly serverName: string;
  /** Calls an endpoint below `/_matrix/client`; rejects with status and body unless it answers 200. */
  call<T = Json>(method: string, path: string, body?: unknown): Promise<T>;
  /** Does something in a room, `/leave`. */
  act(roomId: string, path: string, body?: Json): Promise<Json>;
  createRoom(body: Json): Promise<string>;
  /** Sends a text message and gives its event id. */
  send(roomId: string, body: string): Promise<string>;
  setState(roomId: string, type: string, content: Json): Promise<string>;
  state(roomId: string): Promise<ClientEvent[]>;
  /** The latest events of a room, newest first. */
  timeline(roomId: string, limit?: number): Promise<ClientEvent[]>;
  untilSeen(roomId: string, eventId: string): Promise<ClientEvent>;
  untilMembership(roomId: string, userId: string, membership: string): Promise<unknown>;
  /** Follows a sync from its beginning until it holds what is asked for. */
  untilSynced<T>(what: string, read: (sync: SyncAnswer) => T): Promise<NonNullable<T>>;
};

const inRoom = (roomId: string, path: string) => `/v3/rooms/${encodeURIComponent(roomId)}${path}`;

let transactions = 0;

const caller =
  (account: Account): Person['call'] =>
  async <T>(method: string, path: string, body?: unknown) => {
    const url = `${account.url}/_matrix/client${path}`;
    const answer = await sendRequest(url, { method, token: account.accessToken, body });
    if (answer.status !== 200)
      throw new Error(`${account.userId}: ${method} ${path}: ${answer.status} ${answer.bytes}`);
    return answer.json as T;
  };

/** The account as someone who acts. */
export const asPerson = (account: Account): Person => {
  const call = caller(account);
  const put = async (path: string, content: Json) =>
    (await call<{ event_id: string }>('PUT', path, content)).event_id;
  const state = (roomId: string) => call<ClientEvent[]>('GET', inRoom(roomId, '/state'));
  const timeline = async (roomId: string, limit = 50) =>
    (await call<{ chunk: ClientEvent[] }>('GET', inRoom(roomId, `/messages?dir=b&limit=${limit}`)))
      .chunk;
  return {
    ...account,
    serverName: account.userId.slice(account.userId.indexOf(':') + 1),
    call,
    state,
    timeline,
    act: (roomId, path, body = {}) => call('POST', inRoom(roomId, path), body),
    createRoom: async (body) =>
      (await call<{ room_id: string }>('POST', '/v3/createRoom', body)).room_id,
    send: (roomId, body) => {
      transactions += 1;
      const content = { msgtype: 'm.text', body };
      return put(inRoom(roomId, `/send/m.room.message/${transactions}`), content);
    },
    setState: (roomId, type, content) => put(inRoom(roomId, `/state/${type}/`), content),
    untilSeen: (roomId, eventId) =>
      waitUntil(`${eventId} at ${account.userId}`, async () =>
        (await timeline(roomId)).find((event) => event.event_id === eventId),
      ),
    untilMembership: (roomId, userId, membership) =>
      waitUntil(`${membership} of ${userId} at ${account.userId}`, async () =>
        (await state(roomId)).some(
          ({ type, state_key: key, content }) =>
            type === 'm.room.member' && key === userId && content['membership'] === membership,
        ),
      ),
    untilSynced: (what, read) => {
      // Servers may keep the answer to a first sync for a while, so each request goes on from the last.
      let since = '';
      return waitUntil(what, async () => {
        const sync = await call<SyncAnswer>('GET', `/v3/sync?timeout=0${since}`);
        since = `&since=${encodeURIComponent(sync.next_batch)}`;
        return read(sync);
      });
    },
  };
};
