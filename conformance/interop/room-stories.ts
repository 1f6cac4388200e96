import type { Test } from 'tap';
import { agree } from './agree.ts';
import type { Person } from './person.ts';
import { waitUntil } from './wait-until.ts';

/** Two people of different homeservers, and the version of their rooms. */
export type Cast = { readonly maker: Person; readonly guest: Person; readonly version: string };

let aliases = 0;

const isIn = async (person: Person, roomId: string) =>
  (await person.call<{ joined_rooms: string[] }>('GET', '/v3/joined_rooms')).joined_rooms.includes(
    roomId,
  );

const invited = (person: Person, roomId: string) =>
  person.untilSynced(`the invite of ${person.userId}`, (sync) => sync.rooms?.invite?.[roomId]);

/** Enters by the room id, through the maker's server; older servers call `via` `server_name`. */
const enter = async (t: Test, { maker, guest }: Cast, roomId: string, how = 'join') => {
  const server = encodeURIComponent(maker.serverName);
  const query = `?via=${server}&server_name=${server}`;
  await guest.call('POST', `/v3/${how}/${encodeURIComponent(roomId)}${query}`, {});
  await maker.untilMembership(roomId, guest.userId, how);
  if (how === 'join') await agree(t, roomId, [maker, guest]);
};

const publicRoom = async (t: Test, { maker, guest, version }: Cast) => {
  aliases += 1;
  const alias = `room-${aliases}`;
  const roomId = await maker.createRoom({
    room_version: version,
    preset: 'public_chat',
    room_alias_name: alias,
    name: 'Reading room',
  });
  const early = await maker.send(roomId, 'before anybody came');
  const full = encodeURIComponent(`#${alias}:${maker.serverName}`);
  const joined = await guest.call('POST', `/v3/join/${full}`, {});
  t.equal(joined['room_id'], roomId);
  await maker.untilMembership(roomId, guest.userId, 'join');
  await agree(t, roomId, [maker, guest]);
  t.match(
    await guest.untilSeen(roomId, early),
    { sender: maker.userId, content: { body: 'before anybody came' } },
    'the joiner reads what was said before',
  );
  const types = (await guest.timeline(roomId, 100)).map(({ type }) => type);
  t.equal(types.at(-1), 'm.room.create', 'down to the beginning');
  return roomId;
};

const conversation = async (t: Test, { maker, guest }: Cast, roomId: string) => {
  const hello = await maker.send(roomId, 'hello');
  t.match(await guest.untilSeen(roomId, hello), { content: { body: 'hello' } });
  const answer = await guest.send(roomId, 'hello yourself');
  t.match(await maker.untilSeen(roomId, answer), { content: { body: 'hello yourself' } });
  const redact = (person: Person, eventId: string) =>
    person.call(
      'PUT',
      `/v3/rooms/${encodeURIComponent(roomId)}/redact/${eventId}/${eventId.slice(1, 12)}`,
      {},
    );
  const isRedacted = async (person: Person, eventId: string) =>
    Object.keys((await person.untilSeen(roomId, eventId)).content).length === 0;
  const slip = await guest.send(roomId, 'a slip');
  await maker.untilSeen(roomId, slip);
  await redact(guest, slip);
  await waitUntil('the redaction by its sender', () => isRedacted(maker, slip));
  await redact(maker, answer);
  await waitUntil('the redaction by a moderator', () => isRedacted(guest, answer));
  await agree(t, roomId, [maker, guest]);
};

const stateChanges = async (t: Test, { maker, guest }: Cast, roomId: string) => {
  const named = await maker.setState(roomId, 'm.room.name', { name: 'Quiet reading room' });
  await guest.untilSeen(roomId, named);
  await t.rejects(guest.setState(roomId, 'm.room.topic', { topic: 'mine' }), /403 .*M_FORBIDDEN/);
  const levels = (await maker.state(roomId)).find(({ type }) => type === 'm.room.power_levels');
  const users = { ...(levels?.content['users'] as object), [guest.userId]: 50 };
  const content = { ...levels?.content, users };
  await guest.untilSeen(roomId, await maker.setState(roomId, 'm.room.power_levels', content));
  await maker.untilSeen(roomId, await guest.setState(roomId, 'm.room.topic', { topic: 'hush' }));
  await agree(t, roomId, [maker, guest]);
  // Both at once: a fork, which state resolution has to settle alike on both sides.
  for (let turn = 0; turn < 3; turn += 1) {
    const topics = await Promise.all(
      [maker, guest].map((person) =>
        person.setState(roomId, 'm.room.topic', { topic: `${turn} of ${person.userId}` }),
      ),
    );
    for (const eventId of topics) {
      await maker.untilSeen(roomId, eventId);
      await guest.untilSeen(roomId, eventId);
    }
    await agree(t, roomId, [maker, guest]);
  }
};

const comingAndGoing = async (t: Test, cast: Cast, roomId: string) => {
  const { maker, guest } = cast;
  const target = { user_id: guest.userId, reason: 'loud' };
  await guest.act(roomId, '/leave');
  await maker.untilMembership(roomId, guest.userId, 'leave');
  const missed = await maker.send(roomId, 'said while you were out');
  await enter(t, cast, roomId);
  t.ok(await guest.untilSeen(roomId, missed), 'what was said meanwhile can be read');
  await maker.act(roomId, '/kick', target);
  await waitUntil('the kick', async () => !(await isIn(guest, roomId)));
  await enter(t, cast, roomId);
  await maker.act(roomId, '/ban', target);
  await waitUntil('the ban', async () => !(await isIn(guest, roomId)));
  await t.rejects(enter(t, cast, roomId), /: 403 /);
  await maker.act(roomId, '/unban', { user_id: guest.userId });
  await enter(t, cast, roomId);
};

const invitation = async (t: Test, { maker, guest, version }: Cast) => {
  const roomId = await maker.createRoom({
    room_version: version,
    preset: 'private_chat',
    invite: [guest.userId],
  });
  t.match(await invited(guest, roomId), { invite_state: { events: Array } });
  await guest.act(roomId, '/leave');
  await maker.untilMembership(roomId, guest.userId, 'leave');
  await maker.act(roomId, '/invite', { user_id: guest.userId });
  await invited(guest, roomId);
  await guest.act(roomId, '/join');
  await maker.untilMembership(roomId, guest.userId, 'join');
  await agree(t, roomId, [maker, guest]);
};

const roomWithRule = ({ maker, version }: Cast, content: object) =>
  maker.createRoom({
    room_version: version,
    preset: 'private_chat',
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content }],
  });

const knocking = async (t: Test, cast: Cast) => {
  const { maker, guest } = cast;
  const roomId = await roomWithRule(cast, { join_rule: 'knock' });
  await enter(t, cast, roomId, 'knock');
  await maker.act(roomId, '/invite', { user_id: guest.userId });
  await invited(guest, roomId);
  await guest.act(roomId, '/join');
  await maker.untilMembership(roomId, guest.userId, 'join');
  await agree(t, roomId, [maker, guest]);
};

const restricted = async (t: Test, cast: Cast, openRoomId: string) => {
  const allow = [{ type: 'm.room_membership', room_id: openRoomId }];
  await enter(t, cast, await roomWithRule(cast, { join_rule: 'restricted', allow }));
};

/** What can happen between the members of rooms that the maker's server made; gives a public room that both are in. */
export const tellRoomStories = async (t: Test, cast: Cast): Promise<string> => {
  let roomId = '';
  await t.test('a public room joined by its alias', async (t) => {
    roomId = await publicRoom(t, cast);
  });
  await t.test('messages and redactions', (t) => conversation(t, cast, roomId));
  await t.test('state, also changed by both at once', (t) => stateChanges(t, cast, roomId));
  await t.test('leave, kick, ban and back', (t) => comingAndGoing(t, cast, roomId));
  await t.test('an invitation refused and accepted', (t) => invitation(t, cast));
  await t.test('a knock', (t) => knocking(t, cast));
  await t.test('a restricted room', (t) => restricted(t, cast, roomId));
  return roomId;
};
