import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { compareWithUpstream } from './coverage.ts';
import { clientServer, federation, type Operation } from './index.ts';

/** Where we differ from the upstream document on purpose. */
const exceptions: Readonly<Record<string, string>> = {
  'joinRoom: query parameter server_name is not upstream': 'older clients still send it for `via`',
  'knockRoom: query parameter server_name is not upstream': 'older clients still send it for `via`',
  'sendMessage: query parameter ts is not upstream': 'timestamp massaging is only in the prose',
  'setRoomStateWithKey: query parameter ts is not upstream': 'as with sendMessage',
  'sendLeaveV2: body.depth: should be required': 'checked with the rest of the event format',
  ...Object.fromEntries(
    ['sendJoinV2', 'sendKnock', 'sendLeaveV2', 'sendInviteV1'].map((id) => [
      `${id}: body.origin: should be required`,
      'servers no longer send it, and nothing reads it',
    ]),
  ),
  ...Object.fromEntries(
    ['makeJoin', 'makeKnock', 'makeLeave', 'sendInviteV2'].map((id) => [
      `${id}: response.event.origin: should be required`,
      'not part of an event any more',
    ]),
  ),
  'sendInviteV2: body.event.origin: should be required': 'as with sendInviteV1',
  ...Object.fromEntries(
    ['username', 'password', 'uris', 'ttl'].map((name) => [
      `getTurnServer: response.${name}: should be required`,
      'a server may have no TURN server; then the answer is an empty object',
    ]),
  ),
  'sendTransaction: body.edus[].edu_type: should be required': 'a bad EDU must not cost the others',
  'sendTransaction: body.edus[].content: should be required': 'a bad EDU must not cost the others',
};

const described: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  'client-server': clientServer,
  'server-server': federation,
};

const folder = join(import.meta.dirname, '../../shared/matrix');
const skip = existsSync(folder) ? false : `no Matrix documents in ${folder} to compare with`;

t.test('our descriptions agree with the documents of the specification', { skip }, async (t) => {
  const used = new Set<string>();
  for (const [api, operations] of Object.entries(described)) {
    const upstream: unknown = JSON.parse(readFileSync(join(folder, `${api}.json`), 'utf8'));
    const { missing, differences } = compareWithUpstream(Object.values(operations), upstream);
    const lines = differences.map(({ id, what }) => `${id}: ${what}`);
    for (const line of lines) used.add(line);
    t.same(
      lines.filter((line) => !(line in exceptions)),
      [],
      `${api}: every difference has its reason`,
    );
    t.comment(`${api}: ${Object.keys(operations).length} described, ${missing.length} missing`);
    if (missing.length > 0) t.comment(`missing: ${missing.join(', ')}`);
  }
  t.same(
    Object.keys(exceptions).filter((line) => !used.has(line)),
    [],
    'every exception is still needed',
  );
});

/** A small upstream document with one operation, `changes` laid over it. */
const upstreamWith = (changes: Record<string, unknown> = {}) => ({
  paths: {
    '/rooms/{roomId}/invite ': {
      post: {
        operationId: 'invite',
        parameters: [
          { in: 'path', name: 'roomId', required: true, schema: { type: 'string' } },
          { in: 'header', name: 'X-Ignored', schema: { type: 'string' } },
        ],
        requestBody: {
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Invite' } } },
        },
        responses: { 200: { content: { 'application/json': { schema: { type: 'object' } } } } },
        ...changes,
      },
    },
  },
  components: {
    schemas: {
      Invite: {
        allOf: [
          { type: 'object', properties: { user_id: { type: 'string' } } },
          { type: 'object', required: ['user_id'] },
        ],
      },
    },
  },
});

const invite = {
  id: 'invite',
  method: 'POST',
  path: '/rooms/{roomId}/invite',
  summary: '',
  auth: 'accessToken',
  params: { type: 'object', required: ['roomId'], properties: { roomId: { type: 'string' } } },
  body: { type: 'object', required: ['user_id'], properties: { user_id: { type: 'string' } } },
  response: { type: 'object', required: ['more'], properties: { more: {} } },
} as unknown as Operation;

const differencesOf = (operation: Operation, upstream: unknown = upstreamWith()) =>
  compareWithUpstream([operation], upstream).differences.map(({ what }) => what);

t.test(
  'an operation that says the same, or promises more in its answer, differs in nothing',
  async (t) => {
    t.same(differencesOf(invite), []);
  },
);

t.test('what is missing upstream or here is told by its id', async (t) => {
  t.same(compareWithUpstream([], upstreamWith()), { missing: ['invite'], differences: [] });
  t.same(differencesOf({ ...invite, id: 'invte' }), ['upstream has no such operation']);
});

t.test('a wrong method, path, parameter, field or type is told in words', async (t) => {
  t.same(differencesOf({ ...invite, method: 'PUT', path: '/rooms/{roomId}/ask' }), [
    'the method should be POST',
    'the path should be /rooms/{roomId}/invite',
  ]);
  const query = { type: 'object', properties: { roomId: {} } } as unknown as Operation['params'];
  t.same(differencesOf({ ...invite, params: undefined, query }), [
    'path parameter roomId is missing',
    'query parameter roomId is not upstream',
  ]);
  const body = {
    type: 'object',
    required: ['reason'],
    properties: { user_id: { type: 'integer' }, reason: {} },
  } as unknown as Operation['body'];
  t.same(differencesOf({ ...invite, body }), [
    'body.user_id: should be required',
    'body.reason: should be optional',
    'body.user_id: should be string, is integer',
  ]);
  const schema = { type: 'object', required: ['room'], properties: { room: { type: 'string' } } };
  const responses = { 200: { content: { 'application/json': { schema } } } };
  t.same(differencesOf(invite, upstreamWith({ responses })), ['response.room: should be required']);
});
