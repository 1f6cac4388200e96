import t from 'tap';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');
const bob = await server.register('bob');

const call = (user: TestUser, method: string, path: string, body?: unknown) =>
  server.request(method, `/_matrix/client/v3${path}`, { token: user.accessToken, body });
const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } };
const reported = () =>
  server.context.db.sql.selectFrom('reports').selectAll().orderBy('report_nid').execute();

const roomId: string = (await call(alice, 'POST', '/createRoom', {})).body.room_id;
const path = `/rooms/${roomId}/send/m.room.message/1`;
const eventId: string = (await call(alice, 'PUT', path, { msgtype: 'm.text', body: 'x' })).body
  .event_id;

t.test('rooms, events and users are reported and kept for the administrators', async (t) => {
  t.strictSame((await call(bob, 'POST', `/rooms/${roomId}/report`, { reason: 'a' })).body, {});
  const event = `/rooms/${roomId}/report/${encodeURIComponent(eventId)}`;
  t.strictSame((await call(alice, 'POST', event, { reason: 'b', score: -100 })).body, {});
  t.equal((await call(alice, 'POST', event, {})).status, 200);
  t.strictSame(
    (await call(alice, 'POST', `/users/${bob.userId}/report`, { reason: 'c' })).body,
    {},
  );
  const far = '/users/@zoe:example.org/report';
  t.equal((await call(alice, 'POST', far, { reason: 'd' })).status, 200);
  t.match(await reported(), [
    { reporter: bob.userId, room_id: roomId, event_id: null, reason: 'a' },
    { reporter: alice.userId, room_id: roomId, event_id: eventId, reason: 'b', score: -100 },
    { event_id: eventId, reason: null, score: null },
    { user_id: bob.userId, room_id: null, reason: 'c' },
    { user_id: '@zoe:example.org' },
  ]);
});

t.test('what is not there, or not seen by the reporter, cannot be reported', async (t) => {
  const before = (await reported()).length;
  const event = `/rooms/${roomId}/report/${encodeURIComponent(eventId)}`;
  for (const [user, where] of [
    [alice, '/rooms/!unknown/report'],
    [alice, `/rooms/${roomId}/report/$unknown`],
    [bob, event],
    [alice, `/users/@nobody:${server.serverName}/report`],
  ] as const) {
    t.match(await call(user, 'POST', where, { reason: 'x' }), notFound, where);
  }
  for (const [body, errcode] of [
    [{}, 'M_MISSING_PARAM'],
    [{ reason: 5 }, 'M_BAD_JSON'],
    [{ reason: 'x'.repeat(5_000) }, 'M_BAD_JSON'],
  ] as const) {
    const answer = await call(alice, 'POST', `/rooms/${roomId}/report`, body);
    t.match(answer, { status: 400, body: { errcode } });
  }
  t.equal((await reported()).length, before);
});
