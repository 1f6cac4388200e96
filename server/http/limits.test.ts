import { connect } from 'node:net';
import { limits } from '@candor/spec';
import pg from 'pg';
import t from 'tap';
import { person } from '../testing/federated-rooms.ts';
import { startTestServer } from '../testing/start-server.ts';

// What is as large as a limit allows is taken, and one more is refused as the client's fault.
const enc = encodeURIComponent;
const server = await startTestServer(t);
const alice = await person(server, 'alice');
const other = await person(server, 'other');
const roomId = await alice.createRoom({});
const me = enc(alice.userId);

type Asked = readonly [method: string, path: string, body?: unknown];
const text = (size: number) => 'x'.repeat(size);
const list = <T>(size: number, entry: (at: number) => T): T[] =>
  Array.from({ length: size }, (_, at) => entry(at));

let count = 0;
const send = (content: object): Asked => {
  count += 1;
  return ['PUT', `/rooms/${enc(roomId)}/send/m.room.message/${count}`, content];
};
const state = (type: string, key: string): Asked => [
  'PUT',
  `/rooms/${enc(roomId)}/state/${enc(type)}/${enc(key)}`,
  {},
];

/** A request of a size, for each limit that one request can reach; `slack` where something else is counted, too. */
const table: readonly {
  readonly name: keyof typeof limits;
  readonly ask: (size: number) => Asked;
  readonly slack?: number;
}[] = [
  {
    name: 'eventBytesMax',
    ask: (size) => send({ msgtype: 'm.text', body: text(size) }),
    slack: 2_000,
  },
  { name: 'identifierBytesMax', ask: (size) => state(text(size), '') },
  { name: 'identifierBytesMax', ask: (size) => state('x.type', text(size)) },
  {
    name: 'identifierBytesMax',
    ask: (size) => {
      const domain = alice.userId.slice(alice.userId.indexOf(':'));
      return [
        'PUT',
        `/directory/room/${enc(`#${text(size - 1 - domain.length)}${domain}`)}`,
        { room_id: roomId },
      ];
    },
  },
  {
    name: 'eventJsonDepthMax',
    ask: (size) => {
      const nest = (depth: number): object => (depth === 0 ? {} : { a: nest(depth - 1) });
      return send({ msgtype: 'm.text', body: '', nest: nest(size) });
    },
    slack: 4,
  },
  {
    name: 'initialStateEventsMax',
    ask: (size) => {
      const entry = (at: number) => ({ type: 'x.y', state_key: `${at}`, content: {} });
      return ['POST', '/createRoom', { initial_state: list(size, entry) }];
    },
  },
  {
    name: 'invitesPerNewRoomMax',
    ask: (size) => ['POST', '/createRoom', { invite: list(size, () => other.userId) }],
  },
  {
    name: 'profileFieldNameLengthMax',
    ask: (size) => ['PUT', `/profile/${me}/x.${text(size - 2)}`, { [`x.${text(size - 2)}`]: 1 }],
  },
  {
    name: 'profileBytesMax',
    ask: (size) => ['PUT', `/profile/${me}/x.large`, { 'x.large': text(size) }],
    slack: 1_000,
  },
  {
    name: 'deviceDisplayNameLengthMax',
    ask: (size) => ['PUT', `/devices/${alice.deviceId}`, { display_name: text(size) }],
  },
  {
    name: 'reportReasonLengthMax',
    ask: (size) => ['POST', `/rooms/${enc(roomId)}/report`, { reason: text(size) }],
  },
  {
    name: 'statusMessageLengthMax',
    ask: (size) => [
      'PUT',
      `/presence/${me}/status`,
      { presence: 'online', status_msg: text(size) },
    ],
  },
  {
    name: 'requestBodyBytesMax',
    ask: (size) => ['PUT', `/user/${me}/account_data/x.y`, `{"a":"${text(size - 8)}"}`],
  },
];

for (const { name, ask, slack = 0 } of table) {
  t.test(`${name}`, async (t) => {
    const max = Number(limits[name]);
    const within = await alice.request(...ask(max - slack));
    t.equal(within.status, 200, JSON.stringify(within.body));
    const beyond = await alice.request(...ask(max + 1));
    t.ok([400, 413].includes(beyond.status), `${beyond.status} ${JSON.stringify(beyond.body)}`);
    t.match(beyond.body.errcode, /^M_/);
  });
}

t.test('passwords have a least and a greatest length', async (t) => {
  const register = (password: string) => {
    count += 1;
    const auth = { type: 'm.login.dummy' };
    const body = { username: `user${count}`, password, auth };
    return server.request('POST', '/_matrix/client/v3/register', { body });
  };
  t.equal((await register(text(limits.passwordLengthMin))).status, 200);
  t.match(await register(text(limits.passwordLengthMin - 1)), { status: 400 });
  t.equal((await register(text(limits.passwordLengthMax))).status, 200);
  t.match(await register(text(limits.passwordLengthMax + 1)), { status: 400 });
});

t.test('a page is as long as allowed, whatever is asked for', async (t) => {
  const page = await alice.insist(
    'GET',
    `/rooms/${enc(roomId)}/messages?dir=b&limit=9007199254740991`,
  );
  t.ok(page.chunk.length <= limits.messagesPerPageMax);
  for (const limit of ['-1', '0', '1.5', '1e3', 'x']) {
    const { status } = await alice.request(
      'GET',
      `/rooms/${enc(roomId)}/messages?dir=b&limit=${limit}`,
    );
    t.ok([200, 400].includes(status), `limit=${limit}: ${status}`);
  }
});

t.test('a user has only so many filters', async (t) => {
  const database = new pg.Client({ connectionString: server.databaseUrl });
  await database.connect();
  await database.query(
    `INSERT INTO filters (user_id, filter_id, filter)
     SELECT $1, n, '{"n":' || n || '}' FROM generate_series(0, $2 - 1) AS n`,
    [alice.userId, limits.filtersPerUserMax - 1],
  );
  await database.end();
  const define = (at: number) =>
    alice.request('POST', `/user/${me}/filter`, { room: { timeline: { limit: at } } });
  t.equal((await define(1)).status, 200);
  t.match(await define(2), { status: 400, body: { errcode: /^M_/ } });
  t.equal((await define(1)).status, 200, 'one that is there is found again');
});

t.test('more headers than allowed are not read', async (t) => {
  const { hostname, port } = new URL(server.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let heard = '';
    socket.on('data', (chunk) => {
      heard += String(chunk);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(heard));
    const many = list(limits.headersCountMax * 2, (at) => `X-${at}: 1`).join('\r\n');
    const token = `Authorization: Bearer ${alice.accessToken}`;
    socket.write(
      `GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${many}\r\n${token}\r\n\r\n`,
    );
  });
  t.match(answer, /^HTTP\/1\.1 4\d\d /, 'what stands behind them counts for nothing');
});
