import t from 'tap';
import { until } from '../../../testing/federated-rooms.ts';
import { startTestNetwork } from '../../../testing/start-network.ts';
import type { TestUser } from '../../../testing/start-server.ts';

const [server, there] = await startTestNetwork(t, 2);
const alice = await server.register('alice');
const bob = await server.register('bob');
const admin = await server.register('admin', { isAdmin: true });

const call = (user: TestUser | undefined, method: string, path: string, body?: unknown) =>
  server.request(method, `/_matrix/client/v3${path}`, {
    body,
    ...(user && { token: user.accessToken }),
  });
const makeRoom = async (user: TestUser, body: object = {}): Promise<string> =>
  (await call(user, 'POST', '/createRoom', body)).body.room_id;
const aliasOf = (name: string) => `#${name}:${server.serverName}`;
const aliasPath = (alias: string) => `/directory/room/${encodeURIComponent(alias)}`;
const refused = (status: number, errcode: string) => ({ status, body: { errcode } });

t.test('aliases are made, found, listed and removed', async (t) => {
  const roomId = await makeRoom(alice);
  const path = aliasPath(aliasOf('party'));
  t.match(await call(undefined, 'GET', path), refused(404, 'M_NOT_FOUND'));
  t.strictSame((await call(alice, 'PUT', path, { room_id: roomId })).body, {});
  t.strictSame((await call(undefined, 'GET', path)).body, {
    room_id: roomId,
    servers: [server.serverName],
  });
  t.match(await call(alice, 'PUT', path, { room_id: roomId }), { status: 409 });
  const list = await call(alice, 'GET', `/rooms/${roomId}/aliases`);
  t.strictSame(list.body, { aliases: [aliasOf('party')] });
  t.match(await call(bob, 'GET', `/rooms/${roomId}/aliases`), refused(403, 'M_FORBIDDEN'));
  t.match(await call(bob, 'DELETE', path), refused(403, 'M_FORBIDDEN'));
  t.strictSame((await call(alice, 'DELETE', path)).body, {});
  t.match(await call(alice, 'DELETE', path), refused(404, 'M_NOT_FOUND'));
  t.strictSame((await call(alice, 'GET', `/rooms/${roomId}/aliases`)).body, { aliases: [] });
});

t.test('an alias that goes is no name of its room any more', async (t) => {
  const [kept, gone] = [aliasOf('kept'), aliasOf('gone')];
  const name = async (roomId: string, content: object) => {
    for (const alias of [kept, gone]) {
      await call(alice, 'PUT', aliasPath(alias), { room_id: roomId });
    }
    const path = `/rooms/${encodeURIComponent(roomId)}/state/m.room.canonical_alias/`;
    t.equal((await call(alice, 'PUT', path, content)).status, 200);
    t.strictSame((await call(alice, 'DELETE', aliasPath(gone))).body, {});
    return (await call(alice, 'GET', path)).body;
  };
  const roomId = await makeRoom(alice);
  t.strictSame(await name(roomId, { alias: gone, alt_aliases: [gone, kept], x: 1 }), {
    alt_aliases: [kept],
    x: 1,
  });
  t.strictSame(await name(roomId, { alias: kept, alt_aliases: [gone] }), {
    alias: kept,
    alt_aliases: [],
  });
});

t.test('anybody may list the aliases of a room that anybody may read', async (t) => {
  const content = { history_visibility: 'world_readable' };
  const roomId = await makeRoom(alice, {
    room_alias_name: 'window',
    initial_state: [{ type: 'm.room.history_visibility', content }],
  });
  const { body } = await call(bob, 'GET', `/rooms/${roomId}/aliases`);
  t.strictSame(body, { aliases: [aliasOf('window')] });
});

t.test('an alias that cannot be is refused', async (t) => {
  const roomId = await makeRoom(alice);
  for (const [path, body, expected] of [
    [aliasPath('#elsewhere:example.org'), { room_id: roomId }, refused(400, 'M_INVALID_PARAM')],
    [aliasPath('noalias'), { room_id: roomId }, refused(400, 'M_INVALID_PARAM')],
    [aliasPath(aliasOf('x')), {}, refused(400, 'M_MISSING_PARAM')],
    [aliasPath(aliasOf('x')), { room_id: 5 }, refused(400, 'M_BAD_JSON')],
    [aliasPath(aliasOf('x')), { room_id: '!unknown' }, refused(403, 'M_FORBIDDEN')],
  ] as const) {
    t.match(await call(alice, 'PUT', path, body), expected, path);
  }
  t.match(await call(alice, 'GET', aliasPath('#nocolon')), refused(400, 'M_INVALID_PARAM'));
});

t.test(
  'aliases and room lists of other servers are asked for by users of ours alone',
  async (t) => {
    const far = aliasPath('#far:localhost:1');
    t.match(await call(undefined, 'GET', far), refused(401, 'M_MISSING_TOKEN'));
    t.match(await call(alice, 'GET', far), refused(502, 'M_CONNECTION_FAILED'));
    const list = '/publicRooms?server=localhost:1';
    t.match(await call(undefined, 'GET', list), refused(401, 'M_MISSING_TOKEN'));
    t.match(await call(alice, 'GET', list), refused(502, 'M_CONNECTION_FAILED'));
    t.match(await call(alice, 'POST', list, {}), refused(502, 'M_CONNECTION_FAILED'));
    const nonsense = await call(alice, 'GET', '/publicRooms?server=/etc/passwd');
    t.match(nonsense, refused(400, 'M_INVALID_PARAM'));
  },
);

t.test('a room is listed when those who may name it say so', async (t) => {
  const roomId = await makeRoom(alice);
  const path = `/directory/list/room/${roomId}`;
  t.strictSame((await call(undefined, 'GET', path)).body, { visibility: 'private' });
  t.match(await call(bob, 'PUT', path, { visibility: 'public' }), refused(403, 'M_FORBIDDEN'));
  t.strictSame((await call(alice, 'PUT', path, {})).body, {}, 'public when nothing is said');
  t.strictSame((await call(undefined, 'GET', path)).body, { visibility: 'public' });
  await call(admin, 'PUT', path, { visibility: 'private' });
  t.strictSame((await call(undefined, 'GET', path)).body, { visibility: 'private' });
  t.match(await call(alice, 'PUT', path, { visibility: 'x' }), refused(400, 'M_BAD_JSON'));
  const unknown = '/directory/list/room/!unknown';
  t.match(await call(alice, 'PUT', unknown, {}), refused(404, 'M_NOT_FOUND'));
  t.match(await call(alice, 'GET', unknown), refused(404, 'M_NOT_FOUND'));
});

t.test('the public room list is searched and paged through', async (t) => {
  const ids: string[] = [];
  for (const name of ['Apples', 'Pears', 'Plums']) {
    ids.push(await makeRoom(alice, { visibility: 'public', name, topic: `all about ${name}` }));
  }
  await call(bob, 'POST', `/join/${ids[1]}`, {});
  const all = await call(undefined, 'GET', '/publicRooms');
  t.equal(all.body.chunk[0].room_id, ids[1], 'the largest comes first');
  t.match(all.body.chunk[0], {
    name: 'Pears',
    topic: 'all about Pears',
    num_joined_members: 2,
    world_readable: false,
    guest_can_join: false,
    join_rule: 'public',
  });
  t.equal(all.body.total_room_count_estimate, 3);
  const first = await call(undefined, 'GET', '/publicRooms?limit=2');
  t.equal(first.body.chunk.length, 2);
  const second = await call(
    undefined,
    'GET',
    `/publicRooms?since=${first.body.next_batch}&limit=2`,
  );
  t.equal(second.body.chunk.length, 1);
  t.notOk('next_batch' in second.body);
  const found = await call(alice, 'POST', '/publicRooms', {
    filter: { generic_search_term: 'PLUM' },
  });
  t.strictSame(
    found.body.chunk.map((room: { room_id: string }) => room.room_id),
    [ids[2]],
  );
  const spaces = await call(alice, 'POST', '/publicRooms', { filter: { room_types: ['m.space'] } });
  t.strictSame(spaces.body.chunk, []);
  t.match(await call(alice, 'GET', '/publicRooms?since=zzz'), refused(400, 'M_INVALID_PARAM'));
  t.match(await call(alice, 'POST', '/publicRooms', { limit: 'x' }), refused(400, 'M_BAD_JSON'));
  t.match(await call(undefined, 'POST', '/publicRooms', {}), refused(401, 'M_MISSING_TOKEN'));
});

t.test('rooms of another server are found by alias and in its list', async (t) => {
  const zoe = await there.register('zoe');
  const { body } = await there.request('POST', '/_matrix/client/v3/createRoom', {
    token: zoe.accessToken,
    body: { visibility: 'public', room_alias_name: 'far', name: 'Far away' },
  });
  const alias = `#far:${there.serverName}`;
  const found = await call(alice, 'GET', aliasPath(alias));
  t.strictSame(found.body, { room_id: body.room_id, servers: [there.serverName] });
  const none = await call(alice, 'GET', aliasPath(`#none:${there.serverName}`));
  t.match(none, refused(404, 'M_NOT_FOUND'));
  const list = await call(alice, 'GET', `/publicRooms?server=${there.serverName}`);
  t.match(list.body.chunk, [{ room_id: body.room_id, name: 'Far away' }]);
  const odd = {
    limit: 1e300,
    unknown: [{ type: 0.5 }],
    filter: { room_types: [null], unknown: -0 },
  };
  const again = await call(alice, 'POST', `/publicRooms?server=${there.serverName}`, odd);
  t.match(again.body.chunk, [{ room_id: body.room_id }], 'what cannot be signed is not passed on');
  const search = (term: string) =>
    call(alice, 'POST', `/publicRooms?server=${there.serverName}`, {
      filter: { generic_search_term: term },
    });
  t.equal((await search('FAR')).body.chunk.length, 1);
  t.strictSame((await search('near')).body.chunk, []);
  const joined = await call(alice, 'POST', `/join/${encodeURIComponent(alias)}`, {});
  t.strictSame(joined.body, { room_id: body.room_id });

  const named = `/rooms/${encodeURIComponent(body.room_id)}/state/m.room.canonical_alias/`;
  const levels = { users_default: 50, state_default: 50, users: {} };
  const room = await makeRoom(alice, { power_level_content_override: levels });
  const elsewhere = `/rooms/${encodeURIComponent(room)}/state/m.room.canonical_alias/`;
  const bad = refused(400, 'M_BAD_ALIAS');
  t.match(await call(alice, 'PUT', elsewhere, { alt_aliases: [alias] }), bad, 'of another room');
  const unreachable = { alt_aliases: ['#x:localhost:1'] };
  t.match(await call(alice, 'PUT', elsewhere, unreachable), bad);
  const power = await there.request(
    'PUT',
    `/_matrix/client/v3/rooms/${encodeURIComponent(body.room_id)}/state/m.room.power_levels/`,
    { token: zoe.accessToken, body: { users: { [alice.userId]: 50 } } },
  );
  t.equal(power.status, 200);
  await until(async () => {
    const set = await call(alice, 'PUT', named, { alt_aliases: [alias] });
    return set.status === 200;
  });
});
