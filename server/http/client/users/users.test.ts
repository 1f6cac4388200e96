import t from 'tap';
import { startTestNetwork } from '../../../testing/start-network.ts';
import type { TestServer, TestUser } from '../../../testing/start-server.ts';

const [here, there] = await startTestNetwork(t, 2);
const alice = await here.register('alice');
const bob = await here.register('bob');
const zoe = await there.register('zoe');

const call = (
  server: TestServer,
  { accessToken: token }: TestUser,
  method: string,
  path: string,
  body?: unknown,
) => server.request(method, `/_matrix/client${path}`, { token, body });
const search = (user: TestUser, term: string, limit?: number) =>
  call(here, user, 'POST', '/v3/user_directory/search', { search_term: term, limit });
const ids = ({ body }: { readonly body: { readonly results: { user_id: string }[] } }) =>
  body.results.map((user) => user.user_id);
const makeRoom = async (user: TestUser, body: object): Promise<string> =>
  (await call(here, user, 'POST', '/v3/createRoom', body)).body.room_id;
const join = (server: TestServer, user: TestUser, roomId: string) =>
  call(server, user, 'POST', `/v3/join/${roomId}?via=${here.serverName}`, {});
const mutual = (query: string, user = alice) =>
  call(here, user, 'GET', `/v1/mutual_rooms?${query}`);

t.test('users of this server are found by id and by name', async (t) => {
  await call(here, bob, 'PUT', `/v3/profile/${bob.userId}/displayname`, {
    displayname: 'Robert_100%',
  });
  t.strictSame((await search(alice, 'ROBERT')).body, {
    limited: false,
    results: [{ user_id: bob.userId, display_name: 'Robert_100%' }],
  });
  t.strictSame(ids(await search(alice, '_100%')), [bob.userId]);
  t.strictSame(ids(await search(alice, '@bob:')), [bob.userId]);
  for (const nobody of ['b%b', 'b_b', 'nobody', '"', ' ', 'ert\\']) {
    t.strictSame(ids(await search(alice, nobody)), [], nobody);
  }
  const cut = await search(alice, here.serverName, 1);
  t.equal(cut.body.results.length, 1);
  t.equal(cut.body.limited, true);
  for (const body of [{}, { search_term: 5 }]) {
    const answer = await call(here, alice, 'POST', '/v3/user_directory/search', body);
    t.equal(answer.status, 400);
  }
});

t.test('users of other servers are found by who may know of them', async (t) => {
  await call(there, zoe, 'PUT', `/v3/profile/${zoe.userId}/displayname`, { displayname: 'Zoë' });
  const hidden = await makeRoom(bob, { preset: 'private_chat', invite: [zoe.userId] });
  t.equal((await join(there, zoe, hidden)).status, 200);
  t.strictSame(ids(await search(alice, 'zo')), [], 'they share no room');
  t.strictSame((await search(bob, 'zoë')).body.results, [
    { user_id: zoe.userId, display_name: 'Zoë' },
  ]);
  const open = await makeRoom(bob, { preset: 'public_chat' });
  t.equal((await join(there, zoe, open)).status, 200);
  t.strictSame(ids(await search(alice, 'zoë')), [zoe.userId], 'anybody may join that room');
});

t.test('rooms that two users are in', async (t) => {
  t.strictSame((await mutual(`user_id=${bob.userId}`)).body, { joined: [], count: 0 });
  const rooms: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    const roomId = await makeRoom(alice, { preset: 'public_chat' });
    await join(here, bob, roomId);
    rooms.push(roomId);
  }
  await call(here, bob, 'POST', `/v3/rooms/${rooms.pop()}/leave`, {});
  rooms.sort();
  t.strictSame((await mutual(`user_id=${bob.userId}`)).body, { joined: rooms, count: 2 });
  const from = Buffer.from(rooms[0] ?? '').toString('base64url');
  const page = await mutual(`user_id=${bob.userId}&from=${from}`);
  t.strictSame(page.body.joined, rooms.slice(1));
  t.strictSame((await mutual('user_id=@nobody:example.org')).body.joined, []);
  for (const query of [`user_id=${alice.userId}`, 'user_id=@x', `user_id=${bob.userId}&from=x`]) {
    t.match(await mutual(query), { status: 400, body: { errcode: 'M_INVALID_PARAM' } }, query);
  }
  t.match(await mutual(''), { status: 400, body: { errcode: 'M_MISSING_PARAM' } });
});
