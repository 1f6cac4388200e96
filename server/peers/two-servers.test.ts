import t from 'tap';
import { readMembership } from '../storage/memberships.ts';
import { arrives, person, type TestPerson, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';

const [a, b] = await startTestNetwork(t, 2);

/** The room's current state as a server has it. */
const stateOn = async ({ context }: TestServer, roomId: string) => {
  const room = await context.rooms.get(roomId);
  return [...(room?.state ?? [])].map(([key, { eventId }]) => `${key} ${eventId}`).sort();
};

for (const version of ['10', '11', '12']) {
  t.test(`two servers talk in a room of version ${version}`, async (t) => {
    const alice = await person(a, `alice${version}`);
    const bob = await person(b, `bob${version}`);
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version });
    await bob.join(roomId, a);
    await arrives(b, await alice.say(roomId, 'hello bob'));
    await arrives(a, await bob.say(roomId, 'hello alice'));
    for (let i = 0; i < 5; i += 1) {
      const both = await Promise.all([alice.say(roomId, `a${i}`), bob.say(roomId, `b${i}`)]);
      for (const eventId of both) await Promise.all([arrives(a, eventId), arrives(b, eventId)]);
    }
    t.strictSame(await stateOn(b, roomId), await stateOn(a, roomId));
    const page = await bob.insist('GET', `/rooms/${encodeURIComponent(roomId)}/messages?dir=b`);
    t.ok(page.chunk.some((event: { content: { body?: string } }) => event.content.body === 'a4'));
  });
}

/** What /sync's rooms will be made of: the user's own memberships. */
const membershipOf = async ({ server, userId }: TestPerson, roomId: string) => {
  const room = await server.context.rooms.get(roomId);
  return room && readMembership(server.context.db, room.roomNid, userId);
};

t.test('an invitation travels, can be refused, taken back and accepted', async (t) => {
  for (const version of ['10', '11', '12']) {
    const alice = await person(a, `inviter${version}`);
    const bob = await person(b, `invitee${version}`);
    const roomId = await alice.createRoom({
      room_version: version,
      name: 'Tea',
      invite: [bob.userId],
    });
    const invited = await membershipOf(bob, roomId);
    t.equal(invited?.membership, 'invite');
    t.match(invited?.strippedState, [{ type: 'm.room.create' }]);
    t.match(JSON.stringify(invited?.strippedState), /"name":"Tea"/);

    await bob.insist('POST', `/rooms/${encodeURIComponent(roomId)}/leave`, { reason: 'later' });
    t.equal((await membershipOf(bob, roomId))?.membership, 'leave');
    t.equal(
      (await membershipOf({ ...bob, server: a }, roomId))?.membership,
      'leave',
      'inviter knows',
    );

    const path = `/rooms/${encodeURIComponent(roomId)}`;
    await alice.insist('POST', `${path}/invite`, { user_id: bob.userId });
    t.equal((await membershipOf(bob, roomId))?.membership, 'invite');
    await alice.insist('POST', `${path}/kick`, { user_id: bob.userId });
    await until(async () => (await membershipOf(bob, roomId))?.membership === 'leave');

    await alice.insist('POST', `${path}/invite`, { user_id: bob.userId });
    await bob.insist('POST', `${path}/join`, {});
    await arrives(a, await bob.say(roomId, 'here I am'));
    t.strictSame(await stateOn(b, roomId), await stateOn(a, roomId));
  }
});

t.test('a knock is let in, or withdrawn', async (t) => {
  const alice = await person(a, 'host');
  const bob = await person(b, 'knocker');
  const roomId = await alice.createRoom({
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
  });
  const path = `/rooms/${encodeURIComponent(roomId)}`;
  const knock = `/knock/${encodeURIComponent(roomId)}?via=${encodeURIComponent(a.serverName)}`;
  await bob.insist('POST', knock, { reason: 'please' });
  const knocked = await membershipOf(bob, roomId);
  t.equal(knocked?.membership, 'knock');
  t.match(knocked?.strippedState, [{ type: 'm.room.create' }]);
  t.equal((await membershipOf({ ...bob, server: a }, roomId))?.membership, 'knock');
  await bob.insist('POST', `${path}/leave`, {});
  t.equal((await membershipOf({ ...bob, server: a }, roomId))?.membership, 'leave');
  await bob.insist('POST', knock, {});
  await alice.insist('POST', `${path}/invite`, { user_id: bob.userId });
  t.equal((await membershipOf(bob, roomId))?.membership, 'invite');
  await bob.insist('POST', `${path}/join`, {});
  await arrives(a, await bob.say(roomId, 'thanks'));
});

t.test('what is said between the two halves of a join reaches the server that joins', async (t) => {
  const alice = await person(a, 'quick');
  const bob = await person(b, 'slow');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const { client } = b.context.federation;
  const { request } = client;
  let between = '';
  const ask: typeof request = async (question) => {
    const answer = await request.call(client, question);
    if (!question.path.includes('/make_join/')) return answer;
    between = await alice.say(roomId, 'you do not see me');
    return answer;
  };
  Object.assign(client, { request: ask });
  await bob.join(roomId, a).finally(() => Object.assign(client, { request }));
  t.not(between, '');
  await arrives(b, between);
  t.strictSame(await stateOn(b, roomId), await stateOn(a, roomId));
});

t.test('who joins later reads what was said before, in order', async (t) => {
  for (const version of ['10', '12']) {
    const alice = await person(a, `early${version}`);
    const bob = await person(b, `late${version}`);
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version });
    const said: string[] = [];
    for (let i = 0; i < 130; i += 1) {
      said.push(await alice.say(roomId, `${i}`));
      if (i % 40 === 0) await alice.setState(roomId, 'm.room.topic', { topic: `${i}` });
    }
    await bob.join(roomId, a);
    const read: string[] = [];
    let from: string | undefined;
    do {
      const query: string = from === undefined ? '' : `&from=${from}`;
      const path = `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=30${query}`;
      const page = await bob.insist('GET', path);
      read.push(...page.chunk.map((event: { event_id: string }) => event.event_id));
      from = page.end;
    } while (from !== undefined);
    t.strictSame(read.filter((id) => said.includes(id)).reverse(), said);
    t.equal(new Set(read).size, read.length, 'nothing twice');
    const whole = await alice.insist(
      'GET',
      `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=500`,
    );
    t.strictSame(
      read,
      whole.chunk.map((event: { event_id: string }) => event.event_id),
    );
  }
});
