import t from 'tap';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  type BodyOf,
  candor,
  clientServer,
  eventContent,
  federation,
  type Operation,
  type ResponseOf,
} from './index.ts';

const apis: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  candor,
  clientServer,
  federation,
};
const all = Object.values(apis).flatMap((operations) => Object.values(operations));

const accepts = (schema: TSchema | 'bytes' | undefined, value: unknown): boolean => {
  if (!schema || schema === 'bytes') throw new Error('there is no schema to check');
  return Compile(schema).Check(value);
};

t.test(
  'every operation is exported under its id, and no two share a method and path',
  async (t) => {
    for (const [api, operations] of Object.entries(apis)) {
      const wrong = Object.entries(operations).filter(([name, { id }]) => name !== id);
      t.same(wrong, [], `${api} names its operations by their ids`);
    }
    const routes = all.map(({ method, path }) => `${method} ${path}`);
    t.same(
      routes.filter((route, at) => routes.indexOf(route) !== at),
      [],
    );
    for (const id of Object.keys(candor)) t.match(id, /^candor[A-Z]/, `${id} is marked as ours`);
  },
);

const idsWhere = (test: (operation: Operation) => boolean) => all.filter(test).map(({ id }) => id);

t.test('path parameters are exactly those of the template, and all required', async (t) => {
  const wrong = idsWhere(({ path, params }) => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
    const described = Object.keys(params?.properties ?? {}).sort();
    const required = [...(params?.required ?? [])].sort();
    return `${inPath}` !== `${described}` || `${inPath}` !== `${required}`;
  });
  t.same(wrong, []);
});

t.test('a GET has no body, and a summary is one sentence', async (t) => {
  t.same(
    idsWhere(({ method, body }) => method === 'GET' && body !== undefined),
    [],
  );
  t.same(
    idsWhere(({ summary }) => !/^[A-Z][^\n]*\.$/.test(summary)),
    [],
  );
});

t.test('each query parameter has one type, into which its text can be read', async (t) => {
  const unreadable = idsWhere(({ query }) =>
    Object.values(query?.properties ?? {}).some(
      (schema) => !('type' in schema || 'enum' in schema),
    ),
  );
  t.same(unreadable, []);
});

t.test('every schema compiles', async (t) => {
  const schemas = all.flatMap(({ params, query, body, response }) =>
    [params, query, body, response].filter((schema) => typeof schema === 'object'),
  );
  t.doesNotThrow(() =>
    [...schemas, ...Object.values(eventContent)].map((schema) => Compile(schema)),
  );
});

t.test('a message is any object to a room with a room id', async (t) => {
  const { body, params, response } = clientServer.sendMessage;
  t.ok(accepts(body, { msgtype: 'm.text', body: 'hello', 'org.example': [1] }));
  t.notOk(accepts(body, []));
  t.notOk(accepts(body, 'hello'));
  t.ok(accepts(params, { roomId: '!a:b', eventType: 'm.room.message', txnId: '1' }));
  t.notOk(accepts(params, { roomId: '#a:b', eventType: 'm.room.message', txnId: '1' }));
  t.notOk(accepts(params, { roomId: `!${'a'.repeat(255)}`, eventType: 'a', txnId: '1' }));
  t.ok(accepts(response, { event_id: '$a' }));
  t.notOk(accepts(response, {}));
});

t.test('a login names its type, and the answer its user, device and token', async (t) => {
  const { body, response } = clientServer.login;
  const identifier = { type: 'm.id.user', user: 'alice' };
  t.ok(accepts(body, { type: 'm.login.password', identifier, password: 'x' }));
  t.notOk(accepts(body, { identifier, password: 'x' }));
  t.notOk(accepts(body, { type: 'm.login.password', password: 'x'.repeat(5_000) }));
  t.ok(accepts(response, { user_id: '@alice:one', access_token: 'a', device_id: 'D' }));
  t.notOk(accepts(response, { user_id: 'alice', access_token: 'a', device_id: 'D' }));
});

t.test('every value of a map is checked, whatever its key', async (t) => {
  const { body } = clientServer.queryKeys;
  t.ok(accepts(body, { device_keys: { '@a:b': [], '@c:d': ['X'] } }));
  for (const key of ['@a:b', 'a\nb', '', '__proto__']) {
    const device_keys = JSON.parse(`{${JSON.stringify(key)}:[1]}`);
    t.notOk(accepts(body, { device_keys }), JSON.stringify(key));
  }
  t.notOk(accepts(body, { device_keys: [] }));
});

t.test('key uploads take bare, signed and foreign one-time keys', async (t) => {
  const { body } = clientServer.uploadKeys;
  const signatures = { '@a:b': { 'ed25519:D': 'sig' } };
  const one_time_keys = {
    'curve25519:A': 'key',
    'signed_curve25519:B': { key: 'key', signatures },
    'dev.candor.signal.bundle:C': { v: 1, ik: 'key', signatures },
  };
  t.ok(accepts(body, { one_time_keys }));
  t.notOk(accepts(body, { one_time_keys: { 'curve25519:A': 1 } }));
  t.notOk(accepts(body, { device_keys: { user_id: '@a:b' } }));
});

t.test('a sync answer may be nearly empty, and its events are whole', async (t) => {
  const { response } = clientServer.sync;
  t.ok(accepts(response, { next_batch: '1' }));
  t.notOk(accepts(response, {}));
  const event = {
    type: 'm.room.message',
    event_id: '$1',
    sender: '@a:b',
    origin_server_ts: 1,
    content: {},
  };
  const withEvent = (changes: object) => ({
    next_batch: '1',
    rooms: { join: { '!r:b': { timeline: { events: [{ ...event, ...changes }] } } } },
  });
  t.ok(accepts(response, withEvent({})));
  t.notOk(accepts(response, withEvent({ event_id: undefined })));
  t.notOk(accepts(response, withEvent({ content: 'text' })));
});

t.test('a transaction is bounded, and what is in it is checked later, one by one', async (t) => {
  const { body } = federation.sendTransaction;
  const transaction = { origin: 'one', origin_server_ts: 1, pdus: [{}, 'not an event'] };
  t.ok(accepts(body, transaction));
  t.ok(accepts(body, { ...transaction, edus: [null] }));
  t.notOk(accepts(body, { ...transaction, pdus: Array(51).fill({}) }));
  t.notOk(accepts(body, { ...transaction, edus: Array(101).fill({}) }));
  t.notOk(accepts(body, { origin: 'one', pdus: [] }));
});

t.test('event contents know what a server must read', async (t) => {
  t.ok(accepts(eventContent['m.room.member'], { membership: 'join', displayname: null }));
  t.notOk(accepts(eventContent['m.room.member'], { membership: 'joined' }));
  t.ok(accepts(eventContent['m.room.power_levels'], { users: { '@a:b': 100 } }));
  t.notOk(accepts(eventContent['m.room.power_levels'], { users: { '@a:b': '100' } }));
  t.notOk(accepts(eventContent['m.room.tombstone'], { body: '', replacement_room: '#a:b' }));
});

t.test('raw bodies have the type of bytes where they are used', async (t) => {
  const stream = new ReadableStream<Uint8Array>();
  const upload: BodyOf<typeof clientServer.uploadContent> = stream;
  const download: ResponseOf<typeof clientServer.getContentAuthed, Buffer> = Buffer.from('file');
  // @ts-expect-error: what is no bytes does not compile.
  const wrong: BodyOf<typeof clientServer.uploadContent> = 'bytes';
  t.same([upload, `${download}`, wrong], [stream, 'file', 'bytes']);
});
