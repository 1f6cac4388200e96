import t from 'tap';
import { HomeserverApi } from '../api/homeserver-api.ts';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import { SignalEngine } from '../signal/signal-engine.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import { startHomeserver } from '../testing/start-homeserver.ts';
import { applySync } from './apply-sync.ts';

const userId = '@alice:a.example';
const roomId = '!room:a.example';
const message = (eventId: string) => ({
  ...{ type: 'm.room.message', event_id: eventId, sender: '@bob:b.example' },
  ...{ content: { body: eventId }, origin_server_ts: 1 },
});

t.test('an event that a server gives twice is told once', async (t) => {
  const { baseUrl } = await startHomeserver(t, () => ({
    // The page goes on from the timeline, and has its first event once more.
    body: { chunk: ['$3', '$2', '$2', '$1'].map(message) },
  }));
  const store = openMemoryStore();
  const account = { userId, deviceId: 'PHONE', homeserverUrl: baseUrl, accessToken: 'a' };
  store.transaction((tx) => tx.put('account', { ...account, refreshToken: null, syncToken: 's0' }));
  const engine = new SignalEngine({ store, userId, deviceId: 'PHONE' });
  t.teardown(() => engine.close());
  const told: ReceiveOutcome[] = [];
  const context = {
    ...{ api: new HomeserverApi({ baseUrl }), engine, store, userId },
    signal: new AbortController().signal,
    emit: (_: unknown, outcome: ReceiveOutcome) => told.push(outcome),
    followUp: () => Promise.resolve(),
  };
  const events = ['$3', '$4', '$4'].map(message);
  const timeline = { events, limited: true, prev_batch: 'p' };
  const body = { next_batch: 's1', rooms: { join: { [roomId]: { timeline } } } };
  await applySync(context, body);
  await applySync(context, body);
  t.same(
    told.map((outcome) => outcome.events.map(({ eventId }) => eventId)),
    [['$1', '$2', '$3', '$4'], []],
  );
});
