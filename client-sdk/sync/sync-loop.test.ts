import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { limits } from '@candor/spec';
import t, { type Test } from 'tap';
import { HomeserverApi } from '../api/homeserver-api.ts';
import { startHomeserver } from '../testing/start-homeserver.ts';
import { runSyncLoop, type SyncState } from './sync-loop.ts';

const timeoutOf = (url: string): string | null =>
  new URL(url, 'http://x').searchParams.get('timeout');

/** A loop against a homeserver that gives these tokens, until the test ends or says so. */
const start = async (
  t: Test,
  nextBatch: (url: string) => string | Promise<string>,
  features: object = {},
) => {
  const stop = new AbortController();
  const { baseUrl, server } = await startHomeserver(t, async ({ url }) => ({
    body: url.includes('/sync')
      ? { next_batch: await nextBatch(url) }
      : { unstable_features: features, versions: ['v1.11'] },
  }));
  let token: string | null = null;
  const states: SyncState[] = [];
  const options = {
    api: new HomeserverApi({ baseUrl, tokens: { accessToken: 'a', refreshToken: null } }),
    since: () => token,
    apply: async (body: unknown) => {
      token = (body as { next_batch: string }).next_batch;
      return token;
    },
    onState: (state: SyncState) => states.push(state),
  };
  return { stop, server, states, ended: () => runSyncLoop(options, stop.signal) };
};

/** Opens a WebSocket by hand, on which then nothing is said. */
const accept = ({ headers }: IncomingMessage, socket: Duplex): void => {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const hash = createHash('sha1').update(key).digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write([...head, `Sec-WebSocket-Accept: ${hash}`, '', ''].join('\r\n'));
};

t.test('a server that answers at once with nothing new is not asked without pause', async (t) => {
  const polledAt: number[] = [];
  const { stop, ended } = await start(t, (url) => {
    if (timeoutOf(url) !== '0') polledAt.push(performance.now());
    if (polledAt.length === 4) stop.abort();
    return 's1';
  });
  await ended();
  const [first = 0, , , fourth = 0] = polledAt;
  t.ok(fourth - first > 1_500, `${fourth - first} ms`);
});

t.test('a sync that takes the server long is given longer each time', async (t) => {
  const short = 100;
  const { clientRequestTimeoutMs } = limits;
  // Real waits would take minutes.
  const set = (ms: number) => Object.assign(limits, { clientRequestTimeoutMs: ms });
  set(short);
  t.teardown(() => set(clientRequestTimeoutMs));
  let asked = 0;
  const { stop, states, ended } = await start(t, async (url) => {
    asked += 1;
    if (timeoutOf(url) !== '0' || asked > 8) stop.abort();
    else await setTimeout(3 * short);
    return 's1';
  });
  await ended();
  t.ok(states.includes('live'), `${asked} were in vain`);
});

t.test('long polls take the place of a socket on which nothing is heard', async (t) => {
  let batch = 0;
  let upgrades = 0;
  const { stop, server, states, ended } = await start(
    t,
    (url) => {
      if (timeoutOf(url) !== '0') stop.abort();
      batch += 1;
      return `s${batch}`;
    },
    { 'dev.candor.ws': true },
  );
  // As what stands between may do: the socket opens, and ends when it was idle for a while.
  server.on('upgrade', (request, socket) => {
    upgrades += 1;
    if (upgrades > 2) stop.abort();
    accept(request, socket);
    socket.once('data', () => socket.end());
  });
  await ended();
  t.equal(upgrades, 1);
  t.same(states, ['live', 'offline'], 'and offline only at the end');
});

t.test(
  'a socket whose other end is gone does not hold up the end',
  { timeout: 15_000 },
  async (t) => {
    const { stop, server, states, ended } = await start(t, () => 's1', { 'dev.candor.ws': true });
    server.on('upgrade', (request, socket) => {
      accept(request, socket);
      t.teardown(() => socket.destroy());
      socket.once('data', () => stop.abort());
    });
    await ended();
    t.same(states, ['live', 'offline']);
  },
);
