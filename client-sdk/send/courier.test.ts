import t from 'tap';
import { HomeserverApi } from '../api/homeserver-api.ts';
import { SignalEngine } from '../signal/signal-engine.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import { startHomeserver } from '../testing/start-homeserver.ts';
import { Courier } from './courier.ts';

t.test('a server that asks for a pause is given it', async (t) => {
  const pauseMs = 1_500;
  const askedAt: number[] = [];
  const stop = new AbortController();
  const { baseUrl } = await startHomeserver(t, () => {
    askedAt.push(performance.now());
    if (askedAt.length === 2) stop.abort();
    const body = { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: pauseMs };
    return { status: 429, body };
  });
  const engine = new SignalEngine({
    store: openMemoryStore(),
    userId: '@alice:a.example',
    deviceId: 'PHONE',
  });
  const api = new HomeserverApi({ baseUrl });
  const courier = new Courier({ api, engine, onOutcome: () => undefined });
  await courier.keepFollowingUp(stop.signal, () => undefined);
  const [first = 0, second = 0] = askedAt;
  t.ok(second - first >= pauseMs - 10, `${second - first} ms`);
  await engine.close();
});
