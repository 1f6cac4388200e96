import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../register-account.ts';
import { type ReceivedAnswer, type SentRequest, sendRequest } from '../send-request.ts';

/** What an account has seen in its syncs, in the order it came. */
export type Seen = {
  /** Event ids of the timelines, by room. */
  readonly timelines: Map<string, string[]>;
  /** Texts of messages, by event id. */
  readonly texts: Map<string, string>;
  /** `sender text` of to-device messages. */
  readonly toDevice: string[];
  /** `user event` of every `m.read` receipt, as it moved. */
  readonly receipts: string[];
  /** Rooms whose timeline had a gap. */
  readonly gaps: string[];
  since: string | undefined;
};

type Event = {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly content: Record<string, unknown>;
};

type SyncBody = {
  readonly next_batch: string;
  readonly rooms?: {
    readonly join?: Record<
      string,
      {
        readonly timeline?: { readonly limited?: boolean; readonly events?: readonly Event[] };
        readonly ephemeral?: { readonly events?: readonly Event[] };
      }
    >;
  };
  readonly to_device?: { readonly events?: readonly Event[] };
};

const retryMs = 20;
const filter = encodeURIComponent('{"room":{"timeline":{"limit":1000}}}');

/** Nothing seen yet, to be continued from a token. */
export const nothingSeen = (since?: string): Seen => ({
  timelines: new Map(),
  texts: new Map(),
  toDevice: [],
  receipts: [],
  gaps: [],
  since,
});

const readReceipts = (events: readonly Event[]): string[] =>
  events
    .filter(({ type }) => type === 'm.receipt')
    .flatMap(({ content }) => Object.entries(content))
    .flatMap(([eventId, kinds]) =>
      Object.keys((kinds as { 'm.read'?: object })['m.read'] ?? {}).map(
        (userId) => `${userId} ${eventId}`,
      ),
    );

/** Takes one body of `/sync`. */
const note = (seen: Seen, { next_batch, rooms, to_device }: SyncBody): void => {
  for (const [roomId, { timeline, ephemeral }] of Object.entries(rooms?.join ?? {})) {
    const ids = seen.timelines.get(roomId) ?? [];
    seen.timelines.set(roomId, ids);
    if (timeline?.limited) seen.gaps.push(roomId);
    for (const { event_id, type, content } of timeline?.events ?? []) {
      ids.push(event_id);
      if (type === 'm.room.message') seen.texts.set(event_id, String(content['body']));
    }
    seen.receipts.push(...readReceipts(ephemeral?.events ?? []));
  }
  for (const { sender, content } of to_device?.events ?? [])
    seen.toDevice.push(`${sender} ${content['text']}`);
  seen.since = next_batch;
};

/** An account that repeats a request until it is answered, as clients do when their server goes away. */
export const stubbornClient = (account: Account) => {
  const { accessToken: token } = account;

  /** Repeats over broken connections and 5xx; the last answer otherwise. */
  const insist = async (path: string, request: SentRequest = {}): Promise<ReceivedAnswer> => {
    for (;;) {
      const answer = await sendRequest(account.url + path, { token, ...request }).catch(
        () => undefined,
      );
      if (answer && answer.status < 500) return answer;
      await sleep(retryMs);
    }
  };

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await insist(`/_matrix/client/v3${path}`, { method, body });
    if (answer.status !== 200)
      throw new Error(`${account.userId}: ${method} ${path}: ${answer.status} ${answer.bytes}`);
    return answer.json as T;
  };

  const sync = async (seen: Seen, timeoutMs = 0): Promise<void> => {
    const since = seen.since === undefined ? '' : `&since=${encodeURIComponent(seen.since)}`;
    note(seen, await call('GET', `/sync?timeout=${timeoutMs}&filter=${filter}${since}`));
  };

  return {
    ...account,
    call,
    sync,
    /** Sends a text under a transaction id of its own; resolves with the event id it was acknowledged with. */
    say: async (roomId: string, text: string): Promise<string> => {
      const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${encodeURIComponent(text)}`;
      const body = { msgtype: 'm.text', body: text };
      return (await call<{ event_id: string }>('PUT', path, body)).event_id;
    },
    sendToDevice: (to: Account, text: string): Promise<unknown> =>
      call('PUT', `/sendToDevice/org.example.note/${encodeURIComponent(text)}`, {
        messages: { [to.userId]: { [to.deviceId]: { text } } },
      }),
    read: (roomId: string, eventId: string): Promise<unknown> =>
      call(
        'POST',
        `/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`,
        {},
      ),
  };
};

export type StubbornClient = ReturnType<typeof stubbornClient>;
