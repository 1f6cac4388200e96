import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { MatrixError, type Operation } from '@candor/spec';
import t from 'tap';
import Type from 'typebox';
import { startTestServer } from '../testing/start-server.ts';
import { requestsTo } from '../testing/test-request.ts';
import { Answer } from './answer.ts';
import { createApp } from './app.ts';
import { Draining } from './draining.ts';
import { type AnyHandler, RouteTable } from './route-table.ts';

const describe = (
  id: string,
  method: Operation['method'],
  more: Partial<Operation>,
): Operation => ({
  id,
  method,
  path: `/${id}`,
  summary: '',
  auth: 'none',
  response: 'bytes',
  ...more,
});

const body = Type.Object({ n: Type.Integer(), note: Type.Optional(Type.String()) });
const operations = [
  describe('echo', 'POST', { body: 'bytes', bodyBytesMax: 1_000 }),
  describe('typed', 'POST', { body, response: body }),
  describe('query', 'GET', {
    query: Type.Object({
      count: Type.Optional(Type.Integer()),
      deep: Type.Optional(Type.Boolean()),
      name: Type.Optional(Type.Array(Type.String())),
    }),
    response: Type.Object({}),
  }),
  describe('lost', 'GET', {}),
  describe('half', 'GET', {}),
  describe('wait', 'GET', { response: Type.Object({}) }),
  describe('odd', 'GET', {}),
  describe('fault', 'GET', {}),
  describe('late', 'GET', {}),
];

type Asked = { readonly body: never; readonly query: object; readonly signal: AbortSignal };

let waiting: () => void = () => undefined;

const handlers: Readonly<Record<string, (request: Asked) => Promise<unknown>>> = {
  echo: async ({ body }) => new Answer({ body, contentType: 'application/octet-stream' }),
  typed: async ({ body }: { body: { n: number } }) => ({
    ...body,
    n: body.n === 7 ? 'seven' : body.n,
  }),
  query: async ({ query }) => query,
  lost: async () =>
    new Answer({
      body: new Readable({
        read: (): never => {
          throw new Error('no such file at /secret');
        },
      }),
    }),
  half: async () =>
    new Answer({
      body: Readable.from(
        (async function* () {
          yield Buffer.alloc(100_000);
          throw new Error('broke');
        })(),
      ),
    }),
  wait: async ({ signal }) => {
    waiting();
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return {};
  },
  odd: async () => new Answer({ status: 302, headers: { Location: '/elsewhere' } }),
  fault: async () => {
    throw new TypeError('a fault of ours, with a /secret path');
  },
  late: async () => {
    throw new MatrixError('M_LIMIT_EXCEEDED', 'slow down', { fields: { retry_after_ms: 1_500 } });
  },
};

t.test('the way of a request', async (t) => {
  const home = await startTestServer(t);
  const draining = new Draining();
  const routes = new RouteTable();
  const byHandler = Object.entries(handlers).map(([id, handler]): [string, AnyHandler] => [
    id,
    (_context, request) => handler(request),
  ]);
  routes.add(
    Object.fromEntries(operations.map((operation) => [operation.id, operation])),
    Object.fromEntries(byHandler),
  );
  const app = createApp(home.context, {
    routes,
    draining,
    rateLimit: undefined,
    behindProxy: false,
    checkAnswers: true,
    isTls: false,
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const request = requestsTo(url);
  const internal = { errcode: 'M_UNKNOWN', error: 'Internal server error' };

  t.test('bytes go in and out as streams, up to their limit', async (t) => {
    const bytes = new Uint8Array(1_000).fill(65);
    const { headers, body } = await request('POST', '/echo', { body: bytes });
    t.equal(body, 'A'.repeat(1_000));
    t.equal(headers.get('content-type'), 'application/octet-stream');
    t.equal((await request('POST', '/echo', { body: '' })).body, '');
    t.match(await request('POST', '/echo', { body: new Uint8Array(1_001) }), {
      status: 413,
      body: { errcode: 'M_TOO_LARGE' },
    });
    const isWhole = new Promise((resolve) => {
      const sending = httpRequest(`${url}/echo`, { method: 'POST' }, (answer) => {
        answer.on('error', () => undefined).on('close', () => resolve(answer.complete));
        answer.resume();
      });
      sending.on('error', () => resolve(false));
      sending.write(Buffer.alloc(900));
      sending.end(Buffer.alloc(900));
    });
    t.equal(await isWhole, false, 'also without a declared length');
  });

  t.test('a query string becomes numbers, booleans and lists', async (t) => {
    const path = '/query?count=5&deep=true&name=a&name=b&other=x&count=6';
    t.strictSame((await request('GET', path)).body, { count: 5, deep: true, name: ['a', 'b'] });
    for (const wrong of [
      'count=five',
      'count=',
      'count=1.5',
      'count=99999999999999999999',
      'deep=1',
    ]) {
      const answer = await request('GET', `/query?${wrong}`);
      t.match(answer, { status: 400, body: { errcode: 'M_INVALID_PARAM' } }, wrong);
    }
  });

  t.test('null is as good as nothing where something may be left out', async (t) => {
    const typed = (body: object) => request('POST', '/typed', { body });
    t.strictSame((await typed({ n: 1, note: null })).body, { n: 1 });
    t.strictSame((await typed({ n: 1, other: null })).body, { n: 1, other: null });
    t.match(await typed({ n: null }), { status: 400, body: { errcode: 'M_MISSING_PARAM' } });
    t.match(await typed({ n: 1, note: 7 }), { status: 400, body: { errcode: 'M_BAD_JSON' } });
  });

  t.test('an answer that breaks its schema is a fault of ours', async (t) => {
    t.strictSame((await request('POST', '/typed', { body: { n: 1 } })).body, { n: 1 });
    t.match(await request('POST', '/typed', { body: { n: 7 } }), { status: 500, body: internal });
    t.match(await request('POST', '/typed', { body: { n: 1.5 } }), {
      status: 400,
      body: { errcode: 'M_BAD_JSON' },
    });
  });

  t.test('our faults are 500 without a word about them', async (t) => {
    for (const path of ['/fault', '/lost']) {
      const { status, body } = await request('GET', path);
      t.equal(status, 500);
      t.strictSame(body, internal);
    }
    t.match(home.logLines.join(''), /a fault of ours/);
    await t.rejects(request('GET', '/half'), 'half an answer is cut off, not ended');
  });

  t.test('other statuses, headers and waits', async (t) => {
    const { status, headers, body } = await request('GET', '/odd');
    t.match([status, headers.get('location'), body], [302, '/elsewhere', '']);
    const late = await request('GET', '/late');
    t.equal(late.status, 429);
    t.equal(late.headers.get('retry-after'), '2');
    t.match(late.body, { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1_500 });
  });

  t.test('a wait ends when the client goes away, and when the server drains', async (t) => {
    const arrived = () => new Promise<void>((resolve) => (waiting = resolve));
    const first = arrived();
    const gone = httpRequest(`${url}/wait`).end();
    gone.on('error', () => undefined);
    await first;
    gone.destroy();
    const second = arrived();
    const answer = request('GET', '/wait');
    await second;
    draining.begin();
    t.match(await answer, { status: 200, body: {} });
    t.equal((await request('GET', '/wait')).headers.get('connection'), 'close');
  });
});
