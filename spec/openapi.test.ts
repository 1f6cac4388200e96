import t from 'tap';
import { compareWithUpstream } from './coverage.ts';
import { candor, clientServer, federation, type Operation, openApiDocument } from './index.ts';

const info = { title: 'Candor', version: '0.0.0' };

/** The document as it is written: through JSON. */
const written = (operations: readonly Operation[]) =>
  JSON.parse(JSON.stringify(openApiDocument(operations, info)));

t.test('the document describes an operation with its parameters, body and answers', async (t) => {
  const { paths, components } = written([clientServer.createRoom, clientServer.getRoomEvents]);
  t.same(Object.keys(paths), [
    '/_matrix/client/v3/createRoom',
    '/_matrix/client/v3/rooms/{roomId}/messages',
  ]);
  const { post } = paths['/_matrix/client/v3/createRoom'];
  t.equal(post.operationId, 'createRoom');
  t.same(post.security, [{ accessToken: [] }]);
  t.same(post.requestBody.content['application/json'].schema.properties.preset.enum, [
    'private_chat',
    'public_chat',
    'trusted_private_chat',
  ]);
  t.equal(post.requestBody.required, false, 'without a body all is left to the server');
  t.same(Object.keys(post.responses), ['200', '429', 'default']);
  const { get } = paths['/_matrix/client/v3/rooms/{roomId}/messages'];
  const [roomId, dir, from] = get.parameters;
  t.match(roomId, { name: 'roomId', in: 'path', required: true, schema: { pattern: '^!' } });
  t.match(dir, { name: 'dir', in: 'query', required: true, schema: { enum: ['b', 'f'] } });
  t.match(from, { name: 'from', in: 'query', required: false });
  t.notOk('requestBody' in get);
  t.same(Object.keys(components.securitySchemes), ['accessToken']);
});

t.test('bytes, user-interactive authentication and sockets are told apart', async (t) => {
  const { paths } = written([
    clientServer.uploadContent,
    clientServer.deleteDevice,
    candor.candorSyncSocket,
  ]);
  const upload = paths['/_matrix/media/v3/upload'].post;
  t.same(Object.keys(upload.requestBody.content), ['*/*']);
  t.equal(upload.requestBody.required, true);
  const remove = paths['/_matrix/client/v3/devices/{deviceId}'].delete;
  t.same(Object.keys(remove.responses), ['200', '401', 'default']);
  t.equal(remove.responses[401].content['application/json'].schema.anyOf.length, 2);
  const socket = paths['/_matrix/client/unstable/dev.candor.ws/sync'].get;
  t.same(Object.keys(socket.responses), ['101', 'default']);
  t.same(socket.responses[101]['x-frame'].required, ['next_batch']);
});

t.test('what was described is what is read back from the document', async (t) => {
  for (const operations of [Object.values(clientServer), Object.values(federation)]) {
    t.same(compareWithUpstream(operations, written(operations)), { missing: [], differences: [] });
  }
});
