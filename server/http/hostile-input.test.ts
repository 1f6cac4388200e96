import type { Operation } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import { startTestServer } from '../testing/start-server.ts';
import { servedApis } from './served.ts';

const operations: readonly Operation[] = servedApis.flatMap(({ operations, handlers }) =>
  Object.values(operations).filter(({ id }) => id in handlers),
);

const names = [
  'type',
  'auth',
  'session',
  '__proto__',
  'constructor',
  'user_id',
  'event_id',
  'limit',
];

/** Member names of a schema, at any depth: random bodies then get past the first look. */
const memberNames = (schema: unknown): readonly string[] => {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(memberNames)];
};

const scalarOf = (known: readonly string[]) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('@bob:localhost', '!room:localhost', '$event', '#alias:localhost', ...known),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constantFrom(null, 2 ** 53, -0, 1e300),
  );

const jsonFor = (operation: Operation, known: readonly string[]): fc.Arbitrary<unknown> => {
  const key = fc.constantFrom(...names, ...memberNames(operation.body));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalarOf(known),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(key, fc.string({ maxLength: 10 })), tie('value'), { maxKeys: 6 }),
    ),
  }));
  return value;
};

const bodyFor = (
  operation: Operation,
  known: readonly string[],
): fc.Arbitrary<string | Uint8Array | undefined> =>
  fc.oneof(
    { weight: 5, arbitrary: jsonFor(operation, known).map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );

const segmentOf = (known: readonly string[]) =>
  fc
    .oneof(
      fc.constantFrom(
        '@bob:localhost',
        '!room:localhost',
        '#a:b',
        '\0',
        '..',
        '__proto__',
        ...known,
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    )
    .map((text) => encodeURIComponent(text.toWellFormed()));

const pathFor = ({ path, query }: Operation, known: readonly string[]): fc.Arbitrary<string> => {
  const segment = segmentOf(known);
  const parameters = Object.keys(query?.properties ?? {});
  const name = fc.constantFrom('unknown', ...parameters);
  return fc
    .tuple(
      fc.array(segment, { minLength: 4, maxLength: 4 }),
      fc.array(fc.tuple(name, segment), { maxLength: 3 }),
    )
    .map(([segments, pairs]) => {
      let at = 0;
      const filled = path.replaceAll(/\{\w+\}/g, () => segments[at++ % 4] ?? '');
      const pairsText = pairs
        // A long poll would rightly wait.
        .filter(([key]) => key !== 'timeout')
        .map((pair) => pair.join('='))
        .join('&');
      return `${filled}?${pairsText}`;
    });
};

t.test('nothing that a client sends makes a 500', async (t) => {
  const server = await startTestServer(t, {
    env: { CANDOR_LOG_LEVEL: 'error', CANDOR_REGISTRATION_SHARED_SECRET: 'hush' },
  });
  let user = await server.register('alice');
  let users = 1;
  const token = user.accessToken;
  const room = await server.request('POST', '/_matrix/client/v3/createRoom', { token, body: {} });
  const { room_id } = room.body;
  const message = await server.request(
    'PUT',
    `/_matrix/client/v3/rooms/${encodeURIComponent(room_id)}/send/m.room.message/1`,
    { token, body: { msgtype: 'm.text', body: 'hello' } },
  );
  const known = [user.userId, user.deviceId, room_id, message.body.event_id, 'm.room.member'];
  for (const operation of operations) {
    const request = fc.tuple(pathFor(operation, known), bodyFor(operation, known));
    await fc.assert(
      fc.asyncProperty(request, async ([path, body]) => {
        const { method } = operation;
        const sent = method === 'GET' ? {} : { body };
        const answer = await server.request(method, path, { token: user.accessToken, ...sent });
        const { status } = answer;
        if (status >= 400) {
          const hasShape = typeof answer.body.errcode === 'string' || 'flows' in answer.body;
          if (!hasShape)
            throw new Error(`an error without errcode: ${JSON.stringify(answer.body)}`);
        }
        if (answer.body?.errcode === 'M_UNKNOWN_TOKEN') {
          users += 1;
          user = await server.register(`alice${users}`);
        }
        return status < 500 || status === 502 || status === 504;
      }),
      { numRuns: 20 },
    );
    t.pass(operation.id);
  }
  t.strictSame(server.logLines, [], 'and nothing for the log of errors');
});

t.test('nor do bytes that are hardly HTTP', async (t) => {
  const server = await startTestServer(t);
  await fc.assert(
    fc.asyncProperty(fc.webPath(), fc.webQueryParameters(), async (path, query) => {
      const { status } = await server.request('GET', `/${path}?${query}`);
      return status < 500;
    }),
    { numRuns: 50 },
  );
});
