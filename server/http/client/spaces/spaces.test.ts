import t from 'tap';
import { startTestNetwork } from '../../../testing/start-network.ts';
import type { TestServer, TestUser } from '../../../testing/start-server.ts';

const [here, there] = await startTestNetwork(t, 2);
const alice = await here.register('alice');
const bob = await here.register('bob');
const zoe = await there.register('zoe');

const call = (server: TestServer, user: TestUser, method: string, path: string, body?: unknown) =>
  server.request(method, `/_matrix/client${path}`, { token: user.accessToken, body });
const makeRoom = async (
  name: string,
  more: object = {},
  { server = here, user = alice } = {},
): Promise<string> => {
  const { body } = await call(server, user, 'POST', '/v3/createRoom', { name, ...more });
  return body.room_id;
};
const space = { creation_content: { type: 'm.space' } };
const open = { preset: 'public_chat' };
const addChild = (
  spaceId: string,
  roomId: string,
  content: object = {},
  { server = here, user = alice } = {},
) =>
  call(server, user, 'PUT', `/v3/rooms/${spaceId}/state/m.space.child/${roomId}`, {
    via: [server.serverName],
    ...content,
  });
const summary = (roomIdOrAlias: string, user?: TestUser, server = here) =>
  server.request('GET', `/_matrix/client/v1/room_summary/${encodeURIComponent(roomIdOrAlias)}`, {
    ...(user && { token: user.accessToken }),
  });
const hierarchy = (roomId: string, query = '', user = alice) =>
  call(here, user, 'GET', `/v1/rooms/${roomId}/hierarchy${query}`);
type Rooms = { readonly name: string }[];
const names = ({ body }: { readonly body: { readonly rooms: Rooms } }) =>
  body.rooms.map(({ name }) => name).join(' ');
const refused = (status: number, errcode: string) => ({ status, body: { errcode } });

t.test('a room is summarised for who may come in or look in', async (t) => {
  const roomId = await makeRoom('Open', { ...open, topic: 'all', room_alias_name: 'open' });
  for (const user of [alice, bob, undefined]) {
    t.match((await summary(roomId, user)).body, {
      room_id: roomId,
      name: 'Open',
      topic: 'all',
      canonical_alias: `#open:${here.serverName}`,
      num_joined_members: 1,
      join_rule: 'public',
      world_readable: false,
      guest_can_join: false,
    });
  }
  t.equal((await summary(`#open:${here.serverName}`)).body.room_id, roomId);
  t.equal((await summary(roomId, alice)).body.membership, 'join');
  t.notOk('membership' in (await summary(roomId, bob)).body);
  const closed = await makeRoom('Closed', { invite: [bob.userId] });
  t.equal((await summary(closed, bob)).body.membership, 'invite');
  const carol = await here.register('carol');
  for (const [id, user] of [
    [closed, carol],
    [closed, undefined],
    ['!unknown:example.org', undefined],
    ['!unknown:localhost:1', carol],
  ] as const) {
    t.match(await summary(id, user), refused(404, 'M_NOT_FOUND'), id);
  }
  t.match(await summary('nothing', alice), refused(400, 'M_INVALID_PARAM'));
});

t.test('who is in an allowed room may see a restricted one', async (t) => {
  const club = await makeRoom('Club', open);
  const allow = [{ type: 'm.room_membership', room_id: club }];
  const content = { join_rule: 'restricted', allow };
  const rule = { type: 'm.room.join_rules', state_key: '', content };
  const bar = await makeRoom('Bar', { initial_state: [rule] });
  t.equal((await summary(bar, bob)).status, 404);
  await call(here, bob, 'POST', `/v3/join/${club}`, {});
  t.match((await summary(bar, bob)).body, { join_rule: 'restricted', allowed_room_ids: [club] });
});

t.test('a space is walked depth first, in its order, in pages', async (t) => {
  const top = await makeRoom('top', { ...space, ...open });
  const middle = await makeRoom('middle', { ...space, ...open });
  const [a, b, c, secret] = [
    await makeRoom('a', open),
    await makeRoom('b', open),
    await makeRoom('c', open),
    await makeRoom('secret', {}, { user: bob }),
  ];
  await addChild(top, a, { order: 'y', suggested: true });
  await addChild(top, middle, { order: 'x' });
  await addChild(top, secret, { order: 'a' });
  await addChild(top, c);
  await addChild(middle, b);
  await addChild(middle, top, { order: 'a' });
  await addChild(top, await makeRoom('gone', open), { via: [] });
  const all = await hierarchy(top);
  t.equal(names(all), 'top middle b a c', 'closed rooms and circles left out');
  t.match(all.body.rooms[0], {
    room_type: 'm.space',
    children_state: [
      { type: 'm.space.child', state_key: secret, sender: alice.userId, origin_server_ts: Number },
      { state_key: middle, content: { order: 'x' } },
      { state_key: a },
      { state_key: c },
    ],
  });
  t.equal(names(await hierarchy(top, '?max_depth=1')), 'top middle a c');
  t.equal(names(await hierarchy(top, '?max_depth=0')), 'top');
  const suggested = await hierarchy(top, '?suggested_only=true');
  t.equal(names(suggested), 'top a');
  t.strictSame(
    suggested.body.rooms[0].children_state.map((child: { state_key: string }) => child.state_key),
    [a],
  );
  const first = await hierarchy(top, '?limit=2');
  t.equal(names(first), 'top middle');
  const second = await hierarchy(top, `?limit=2&from=${first.body.next_batch}`);
  t.equal(names(second), 'b a');
  const third = await hierarchy(top, `?limit=2&from=${second.body.next_batch}`);
  t.equal(names(third), 'c');
  t.notOk('next_batch' in third.body);
  const invalid = refused(400, 'M_INVALID_PARAM');
  t.match(await hierarchy(top, `?max_depth=1&from=${first.body.next_batch}`), invalid);
  t.match(await hierarchy(top, '?from=x'), invalid);
  t.match(await hierarchy(secret), refused(403, 'M_FORBIDDEN'));
  t.match(await hierarchy('!unknown:example.org'), refused(403, 'M_FORBIDDEN'));
});

t.test('rooms of other servers are asked for there', async (t) => {
  const far = { server: there, user: zoe };
  const farSpace = await makeRoom('far', { ...space, ...open }, far);
  const inner = await makeRoom('inner', open, far);
  const secret = await makeRoom('secret', {}, far);
  await addChild(farSpace, inner, {}, far);
  await addChild(farSpace, secret, {}, far);
  const top = await makeRoom('near', { ...space, ...open });
  await addChild(top, farSpace, { via: [there.serverName] });
  t.equal(names(await hierarchy(top)), 'near far inner');
  const path = `/_matrix/client/v1/room_summary/${encodeURIComponent(inner)}`;
  const via = `?via=${there.serverName}`;
  const asked = await here.request('GET', path + via, { token: alice.accessToken });
  t.match(asked.body, { name: 'inner', num_joined_members: 1 });
  const anonymous = await here.request('GET', path + via);
  t.match(anonymous, refused(404, 'M_NOT_FOUND'), 'nobody else makes this server ask');
  const hidden = `/_matrix/client/v1/room_summary/${encodeURIComponent(secret)}${via}`;
  t.equal((await here.request('GET', hidden, { token: alice.accessToken })).status, 404);
  await there.stop();
  t.equal(names(await hierarchy(top)), 'near far inner', 'remembered for a while');
});

t.test('a room is replaced by one of another version', async (t) => {
  const roomId = await makeRoom('old', { room_version: '11' });
  const upgrade = (user: TestUser, body: object) =>
    call(here, user, 'POST', `/v3/rooms/${roomId}/upgrade`, body);
  t.match(await upgrade(bob, { new_version: '12' }), refused(403, 'M_FORBIDDEN'));
  const unsupported = refused(400, 'M_UNSUPPORTED_ROOM_VERSION');
  t.match(await upgrade(alice, { new_version: '99' }), unsupported);
  t.match(await upgrade(alice, {}), refused(400, 'M_MISSING_PARAM'));
  const { body } = await upgrade(alice, { new_version: '12' });
  t.match(body.replacement_room, /^!/);
  const tombstone = await call(here, alice, 'GET', `/v3/rooms/${roomId}/state/m.room.tombstone`);
  t.equal(tombstone.body.replacement_room, body.replacement_room);
  t.match((await summary(body.replacement_room, alice)).body, { name: 'old', room_version: '12' });
});
