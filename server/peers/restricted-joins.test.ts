import t from 'tap';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';

const [a, b, c] = await startTestNetwork(t, 3);
const enc = encodeURIComponent;

const joinedOn = async (server: TestServer, roomId: string, userId: string) =>
  (await server.context.rooms.get(roomId))?.joined.has(userId) === true;

for (const version of ['10', '11', '12']) {
  t.test(`restricted rooms of version ${version} let members of the other room in`, async (t) => {
    const alice = await person(a, `alice${version}`);
    const bob = await person(b, `bob${version}`);
    const carol = await person(c, `carol${version}`);
    const spaceId = await alice.createRoom({ preset: 'public_chat', room_version: version });
    const content = {
      join_rule: 'restricted',
      allow: [{ type: 'm.room_membership', room_id: spaceId }],
    };
    const roomId = await alice.createRoom({
      preset: 'private_chat',
      room_version: version,
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content }],
    });
    const path = (via: TestServer) => `/join/${enc(roomId)}?via=${enc(via.serverName)}`;
    const outside = await bob.request('POST', path(a), {});
    t.match(outside, { status: 403, body: { errcode: 'M_FORBIDDEN' } }, 'not from outside');

    await bob.join(spaceId, a);
    await bob.join(roomId, a);
    t.ok(await joinedOn(a, roomId, bob.userId));
    await arrives(a, await bob.say(roomId, 'let in'));
    const room = await b.context.rooms.get(roomId);
    const entry = room?.memberEntry(bob.userId);
    const stored = entry && (await b.context.rooms.events.loadOne(entry.eventId));
    t.equal(stored?.event.content['join_authorised_via_users_server'], alice.userId);
    const signatures = Object.keys(stored?.event.pdu['signatures'] ?? {}).sort();
    t.strictSame(signatures, [a.serverName, b.serverName].sort());

    t.comment('a server whose users may not invite sends the user on to one that may');
    const levels = await alice.insist('GET', `/rooms/${enc(roomId)}/state/m.room.power_levels`);
    await arrives(
      b,
      await alice.setState(roomId, 'm.room.power_levels', { ...levels, invite: 50 }),
    );
    await carol.join(spaceId, a);
    await until(() => joinedOn(b, spaceId, carol.userId));
    if (version === '12') {
      // Older room ids name the server that may.
      const denied = await carol.request('POST', path(b), {});
      t.match(denied, { status: 403, body: { errcode: 'M_UNABLE_TO_GRANT_JOIN' } });
    }
    const both = `${path(b)}&via=${enc(a.serverName)}`;
    await carol.insist('POST', both, {});
    t.ok(await joinedOn(c, roomId, carol.userId));
    await until(() => joinedOn(b, roomId, carol.userId));

    t.comment('a second user of a server that is in the room already, and may not let anybody in');
    const bill = await person(b, `bill${version}`);
    await bill.join(spaceId, b);
    await until(() => joinedOn(a, spaceId, bill.userId));
    await bill.insist('POST', path(b), {});
    await until(() => joinedOn(a, roomId, bill.userId));
    t.ok(await joinedOn(b, roomId, bill.userId));
    await arrives(c, await bill.say(roomId, 'me too'));
  });
}

t.test('a join fails with what says most about why', async (t) => {
  const alice = await person(a, 'owner');
  const bob = await person(b, 'visitor');
  const roomId = await alice.createRoom({ preset: 'private_chat' });
  const join = (id: string, ...via: readonly string[]) =>
    bob.request('POST', `/join/${enc(id)}?${via.map((name) => `via=${enc(name)}`).join('&')}`, {});
  t.match(await join(roomId, 'localhost:1', c.serverName, a.serverName), {
    status: 403,
    body: { errcode: 'M_FORBIDDEN' },
  });
  t.match(await join(roomId, c.serverName), { status: 404, body: { errcode: 'M_NOT_FOUND' } });
  t.match(await join(roomId, 'localhost:1'), {
    status: 502,
    body: { errcode: 'M_CONNECTION_FAILED' },
  });
  t.match(await join(roomId), { status: 404, body: { errcode: 'M_NOT_FOUND' } });
  t.match(await join(roomId, b.serverName, '%', 'not a name!'), { status: 404 });
});

t.test('two users of one server who join at once are both in', async (t) => {
  const alice = await person(a, 'host');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const guests = await Promise.all(['one', 'two', 'three'].map((name) => person(b, name)));
  await Promise.all(guests.map((guest) => guest.join(roomId, a)));
  for (const { userId } of guests) await until(() => joinedOn(a, roomId, userId));
  t.equal((await b.context.rooms.get(roomId))?.joined.size, 4);
});

t.test('who left comes back to the room as it is now', async (t) => {
  const alice = await person(a, 'stayer');
  const bob = await person(b, 'goer');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, a);
  await bob.insist('POST', `/rooms/${enc(roomId)}/leave`, {});
  await until(async () => !(await joinedOn(a, roomId, bob.userId)));
  const name = await alice.setState(roomId, 'm.room.name', { name: 'changed meanwhile' });
  const missed = await alice.say(roomId, 'missed');
  await bob.join(roomId, a);
  const state = await bob.insist('GET', `/rooms/${enc(roomId)}/state/m.room.name`);
  t.strictSame(state, { name: 'changed meanwhile' });
  const page = await bob.insist('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=50`);
  const ids = page.chunk.map((event: { event_id: string }) => event.event_id);
  t.ok(ids.includes(missed), 'what was said while away can be read');
  t.ok(ids.includes(name));
  await arrives(a, await bob.say(roomId, 'back again'));
});

t.test('servers that the settings exclude are dealt with in neither direction', async (t) => {
  const [open] = await startTestNetwork(t, 1, { authority: a.authority });
  const [closed] = await startTestNetwork(t, 1, {
    authority: a.authority,
    env: { CANDOR_FEDERATION_DENY: open?.serverName ?? '' },
  });
  if (!open || !closed) throw new Error('not started');
  const alice = await person(open, 'outside');
  const bob = await person(closed, 'inside');
  const theirs = await alice.createRoom({ preset: 'public_chat' });
  const ours = await bob.createRoom({ preset: 'public_chat' });
  const join = (who: typeof alice, roomId: string, via: TestServer) =>
    who.request('POST', `/join/${enc(roomId)}?via=${enc(via.serverName)}`, {});
  t.match(await join(bob, theirs, open), { status: 404 }, 'nobody else is asked');
  t.match(await join(alice, ours, closed), { status: 403 });
  const invite = `/rooms/${enc(ours)}/invite`;
  t.match(await bob.request('POST', invite, { user_id: alice.userId }), { status: 403 });
  const back = `/rooms/${enc(theirs)}/invite`;
  t.match(await alice.request('POST', back, { user_id: bob.userId }), { status: 403 });
});
