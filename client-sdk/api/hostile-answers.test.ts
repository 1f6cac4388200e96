import { clientServer, limits } from '@candor/spec';
import t, { type Test } from 'tap';
import { attachedFile } from '../attachments/attached-file.ts';
import { loadEarlier } from '../rooms/load-earlier.ts';
import { roomSummary } from '../rooms/room-summary.ts';
import { SignalEngine } from '../signal/signal-engine.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import { fillGap } from '../sync/fill-gap.ts';
import { type RoomNews, readSync } from '../sync/read-sync.ts';
import { type Answer, startHomeserver } from '../testing/start-homeserver.ts';
import { HomeserverApi } from './homeserver-api.ts';
import { sendRequest } from './request.ts';

const tokens = { accessToken: 'secret', refreshToken: null };

/** A homeserver that answers as it is told, and what it was asked. */
const startLiar = async (t: Test, answer: (url: URL) => Answer) => {
  const { baseUrl, asked } = await startHomeserver(t, (one) =>
    answer(new URL(one.url, 'http://x')),
  );
  return { url: baseUrl, asked, api: new HomeserverApi({ baseUrl, tokens }) };
};

t.test('no parameter leads out of its place in a path', async (t) => {
  const { url, asked } = await startLiar(t, () => ({}));
  for (const roomId of ['.', '..']) {
    const params = { roomId, eventType: 'x', txnId: '1' };
    const request = { operation: clientServer.sendMessage, params, body: {} };
    await t.rejects(sendRequest(url, request), roomId);
  }
  const params = { roomId: '!a/../b', eventType: '../x', txnId: '%2e%2e' };
  await sendRequest(url, { operation: clientServer.sendMessage, params, body: {} });
  t.same(
    asked.map((one) => one.url),
    ['/_matrix/client/v3/rooms/!a%2F..%2Fb/send/..%2Fx/%252e%252e'],
  );
});

t.test('a file of a message is fetched from where files are, or not at all', async (t) => {
  const { api, asked } = await startLiar(t, () => ({}));
  const bad = [
    'mxc://../a',
    'mxc://./a',
    'mxc://a/../b',
    'mxc://a/..',
    'mxc://a/b?x',
    'mxc://a/b#x',
  ];
  for (const url of [...bad, 'mxc:///b', 'https://a/b', '', 7, null, { a: 1 }]) {
    await t.rejects(attachedFile.download(api, { file: { url } as never }), { code: 'not-a-file' });
  }
  t.same(asked, []);
});

t.test('the token does not follow a redirect', async (t) => {
  const other = await startLiar(t, () => ({}));
  const { api } = await startLiar(t, () => ({
    status: 302,
    headers: { location: `${other.url}/x` },
  }));
  await t.rejects(api.call(clientServer.getTokenOwner, {}));
  t.same(other.asked, []);
});

t.test('a history without end is given up', async (t) => {
  let given = 0;
  const { api, asked } = await startLiar(t, () => {
    given += 1;
    const chunk = Array.from({ length: 1_000 }, (_, at) => ({
      type: 'm.room.message',
      event_id: `$${given}.${at}`,
      sender: '@a:b.example',
      content: {},
      origin_server_ts: 1,
    }));
    return { body: { chunk, end: `t${given}` } };
  });
  const room: RoomNews = {
    roomId: '!r:b.example',
    membership: 'join',
    timeline: [],
    limited: true,
    prevBatch: 't0',
    state: [],
    ephemeral: [],
  };
  const store = openMemoryStore();
  const never = new AbortController().signal;
  const missing = await fillGap(api, store, '@me:b.example', room, never);
  t.ok(missing.length < limits.clientGapEventsMax + 1_000);
  t.ok(asked.length <= limits.clientGapEventsMax / 1_000);
});

t.test('a page without events is not the end of a history, one without a token is', async (t) => {
  const event = {
    type: 'm.room.message',
    event_id: '$old',
    sender: '@a:b.example',
    content: {},
    origin_server_ts: 1,
  };
  const pages = new Map<string | null, unknown>([
    ['t0', { chunk: [], end: 't1' }],
    ['t1', { chunk: [event], end: 't2' }],
    ['t2', { chunk: [], end: 't2' }],
  ]);
  const { api, asked } = await startLiar(t, ({ searchParams }) => ({
    body: pages.get(searchParams.get('from')) ?? { chunk: [] },
  }));
  const store = openMemoryStore();
  const [roomId, userId] = ['!r:b.example', '@me:b.example'];
  const room: RoomNews = {
    ...{ roomId, membership: 'join', timeline: [], limited: true },
    ...{ prevBatch: 't0', state: [], ephemeral: [] },
  };
  const missing = await fillGap(api, store, userId, room, new AbortController().signal);
  t.same(
    missing.map(({ event_id: id }) => id),
    ['$old'],
  );
  t.equal(asked.length, 3);
  const engine = new SignalEngine({ store, userId, deviceId: 'PHONE' });
  store.transaction((tx) => tx.put('rooms', roomSummary.rowOf(tx, roomId)));
  const earlier = () => roomSummary.of(roomSummary.rowOf(store, roomId)).earlier;
  t.equal(await loadEarlier(api, engine, roomId, 't0'), true, 'there is more');
  t.equal(earlier(), 't1');
  t.equal(await loadEarlier(api, engine, roomId, 't1'), true);
  t.equal(earlier(), 't2');
  t.equal(await loadEarlier(api, engine, roomId, 't2'), false, 'the same token leads nowhere');
  t.equal(earlier(), null);
  t.equal(await loadEarlier(api, engine, roomId, earlier()), false);
  t.equal(asked.length, 6);
});

t.test(
  'a page that fails is asked for again, one that goes on failing holds up nothing',
  async (t) => {
    const failures: Answer[] = [{ status: 504, text: '<html>' }, { status: 500 }];
    const event = { type: 'm', event_id: '$missed', sender: '@a:b.example', content: {} };
    let isDown = false;
    const { api, asked } = await startLiar(t, () =>
      isDown ? { status: 500 } : (failures.shift() ?? { body: { chunk: [event] } }),
    );
    const room: RoomNews = {
      ...{ roomId: '!r:b.example', membership: 'join', timeline: [], limited: true },
      ...{ prevBatch: 't0', state: [], ephemeral: [] },
    };
    const fill = () =>
      fillGap(api, openMemoryStore(), '@me:b.example', room, new AbortController().signal);
    t.match(await fill(), [{ event_id: '$missed' }]);
    t.equal(asked.length, 3);
    isDown = true;
    t.same(await fill(), []);
    t.equal(asked.length, 3 + limits.clientGapTriesMax);
  },
);

t.test('what is malformed in a sync is left out, and nothing else', async (t) => {
  const event = {
    type: 'm.room.message',
    event_id: '$good',
    sender: '@a:b.example',
    content: { ['__proto__']: { polluted: true } },
    origin_server_ts: -0.5,
  };
  const bad = [
    null,
    7,
    [],
    {},
    { ...event, sender: 'a' },
    { ...event, content: 7 },
    { ...event, event_id: 7 },
  ];
  const text = JSON.stringify({
    next_batch: 's1',
    rooms: {
      join: {
        '!r:b.example': { timeline: { events: [...bad, event], limited: 'x', prev_batch: 7 } },
        constructor: { timeline: { events: [event] } },
        'not a room': 7,
        '!s:b.example': 7,
      },
      invite: { '!i:b.example': { invite_state: { events: 7 } }, toString: null },
      leave: [],
    },
    to_device: { events: [...bad, { type: 'x', sender: '@a:b.example', content: {} }] },
    device_lists: { changed: [7, 'x', '@a:b.example'], left: [null, '@c:b.example'] },
    device_one_time_keys_count: [],
  }).replace('"not a room"', '"__proto__"');
  const news = readSync(JSON.parse(text));
  t.same(
    news?.rooms.map(({ roomId, timeline }) => [roomId, timeline.map((one) => one.event_id)]),
    [
      ['!r:b.example', ['$good']],
      ['!s:b.example', []],
    ],
  );
  t.equal(news?.rooms[0]?.timeline[0]?.origin_server_ts, 0);
  t.same(news?.invites, [{ roomId: '!i:b.example', state: [] }]);
  t.equal(news?.toDevice.length, 2, 'an id is nothing they need');
  t.same(news?.devicesChanged, ['@a:b.example']);
  t.same(news?.devicesLeft, ['@c:b.example']);
  t.equal(news?.oneTimeKeysCount, undefined);
  t.notOk('polluted' in {});
  for (const none of [null, 7, [], {}, { next_batch: 7 }]) t.equal(readSync(none), undefined);
});
