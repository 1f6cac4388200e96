import type { HomeserverApi } from '../api/homeserver-api.ts';
import { CandorError } from '../candor-error.ts';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import type { Store } from '../stores/store.ts';
import { awaitedKeys } from './awaited-keys.ts';
import { fillGap } from './fill-gap.ts';
import { type ClientEvent, readSync, type SyncNews } from './read-sync.ts';
import { writeRedactions, writeRooms } from './write-rooms.ts';

export type ApplySyncContext = {
  readonly api: HomeserverApi;
  readonly engine: SignalEngine;
  readonly store: Store;
  readonly userId: string;
  readonly signal: AbortSignal;
  /** Tells the application, after everything is stored. */
  readonly emit: (news: SyncNews, outcome: ReceiveOutcome) => void;
  /** Makes the requests that follow, and then tells of these events if they still cannot be read; never rejects. */
  readonly followUp: (held: ReceiveOutcome['events']) => Promise<void>;
};

/** A page of history may go over into the timeline. */
const onceEach = (events: readonly ClientEvent[]): ClientEvent[] => [
  ...new Map(events.map((event) => [event.event_id, event])).values(),
];

/**
 * Takes in the body of a sync: reads it, closes gaps, decrypts, writes everything with the sync
 * token in one transaction, and then tells. Gives the token. What follows on the network is not
 * waited for.
 */
export const applySync = async (context: ApplySyncContext, body: unknown): Promise<string> => {
  const { api, engine, store, userId, signal, emit, followUp } = context;
  const news = readSync(body);
  if (!news) throw new CandorError('malformed-answer', 'the sync has no next_batch');
  // A new device cannot read what is older than itself.
  const isFirst = store.get('account', { userId })?.syncToken === null;
  const rooms: { roomId: string; events: SyncNews['rooms'][number]['timeline'] }[] = [];
  for (const room of news.rooms) {
    const missing = isFirst ? [] : await fillGap(api, store, userId, room, signal);
    rooms.push({ roomId: room.roomId, events: onceEach([...missing, ...room.timeline]) });
  }
  const { toDevice, oneTimeKeysCount, unusedFallbackKeyTypes } = news;
  const batch = {
    toDevice,
    rooms,
    deviceLists: { changed: news.devicesChanged, left: news.devicesLeft },
    ...(oneTimeKeysCount && { oneTimeKeysCount }),
    ...(unusedFallbackKeyTypes && { unusedFallbackKeyTypes }),
  };
  const stateOf = (roomId: string, eventId: string) =>
    store.get('timeline', { roomId, eventId })?.state;
  const before = new Map(
    rooms.flatMap(({ roomId, events }) =>
      events.map(({ event_id: id }) => [id, stateOf(roomId, id)] as const),
    ),
  );
  const outcome = await engine.receive(batch, (tx) => {
    writeRooms(tx, userId, news);
    for (const { roomId, events } of rooms) writeRedactions(tx, roomId, events);
    const account = tx.get('account', { userId });
    if (account) tx.put('account', { ...account, syncToken: news.nextBatch });
  });
  // What a server sends again is not told again.
  const events = outcome.events.filter(({ eventId, state }) => before.get(eventId) !== state);
  const held = awaitedKeys.heldOf(store, events);
  emit(news, { ...outcome, events: events.filter((row) => !held.includes(row)) });
  void followUp(held);
  return news.nextBatch;
};
