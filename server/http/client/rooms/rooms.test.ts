import t from 'tap';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');
const bob = await server.register('bob');
const carol = await server.register('carol');

const call = (user: TestUser, method: string, path: string, body?: unknown) =>
  server.request(method, `/_matrix/client/v3${path}`, { token: user.accessToken, body });
const post = (user: TestUser, path: string, body: unknown = {}) => call(user, 'POST', path, body);
const put = (user: TestUser, path: string, body: unknown) => call(user, 'PUT', path, body);
const get = (user: TestUser, path: string) => call(user, 'GET', path);

const makeRoom = async (user: TestUser, body: object = {}): Promise<string> => {
  const answer = await post(user, '/createRoom', body);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return answer.body.room_id;
};
const at = (roomId: string, rest = '') => `/rooms/${encodeURIComponent(roomId)}${rest}`;

t.test('a room is made, joined, talked in and read', async (t) => {
  const roomId = await makeRoom(alice, {
    preset: 'public_chat',
    name: 'Talk',
    room_alias_name: 'talk',
  });
  const alias = `#talk:${server.serverName}`;
  const joined = await post(bob, `/join/${encodeURIComponent(alias)}`);
  t.match(joined, { status: 200, body: { room_id: roomId } });
  const sent = await put(bob, at(roomId, '/send/m.room.message/t1'), {
    msgtype: 'm.text',
    body: 'hello',
  });
  t.match(sent, { status: 200, body: { event_id: /^\$/ } });
  const again = await put(bob, at(roomId, '/send/m.room.message/t1'), {
    msgtype: 'm.text',
    body: 'hello',
  });
  t.equal(again.body.event_id, sent.body.event_id, 'the transaction id makes it the same event');
  const page = await get(alice, at(roomId, '/messages?dir=b&limit=1'));
  t.match(page.body.chunk, [
    { type: 'm.room.message', content: { body: 'hello' }, sender: bob.userId, room_id: roomId },
  ]);
  t.match(page.body, { start: String, end: String });
});
