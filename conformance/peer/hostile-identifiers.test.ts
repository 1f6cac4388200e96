import { randomBytes } from 'node:crypto';
import type { Json, JsonObject } from '@candor/federation';
import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { errorOf, joinAsPeer } from './peer-in-room.ts';
import { startScene } from './start-scene.ts';

const { homeserver, peer } = await startScene(t);
const alice = asPerson(await homeserver.register('alice'));

const nul = 'a\0b';
/** Longer than an index of a database takes, also when it packs it. */
const long = randomBytes(15_000).toString('hex');
/** Events that no database keeps as they are, and events that name what cannot be there. */
const odd: readonly Record<string, Json>[] = [
  { type: nul },
  { type: nul, state_key: '' },
  { type: 'm.test', state_key: nul },
  { type: 'm.room.member', state_key: `@${nul}:localhost`, content: { membership: 'invite' } },
  { type: 'm.room.member', state_key: '@someone:localhost', content: { membership: nul } },
  { prev_events: [`$${nul}`] },
  { auth_events: [`$${nul}`] },
  { type: 'm.room.redaction', content: { redacts: `$${nul}` } },
  { type: 'm.room.redaction', redacts: `$${nul}`, content: {} },
  { content: { 'm.relates_to': { rel_type: nul, event_id: `$${nul}`, key: nul } } },
  { content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: '$x', key: nul } } },
  {
    type: 'm.room.member',
    content: {
      membership: 'join',
      displayname: nul,
      avatar_url: nul,
      join_authorised_via_users_server: `@${nul}:localhost`,
    },
  },
  { type: 'm.room.name', state_key: '', content: { name: nul } },
  {
    type: 'm.room.canonical_alias',
    state_key: '',
    content: { alias: `#${nul}:x`, alt_aliases: [nul] },
  },
  { type: 'm.room.tombstone', state_key: '', content: { replacement_room: `!${nul}` } },
  { type: 'm.space.child', state_key: `!${nul}`, content: { via: [nul] } },
  { type: 'm.space.parent', state_key: `!${nul}`, content: { via: [nul] } },
  { type: 'm.room.redaction', content: { redacts: `$${long}` } },
  { type: 'm.room.redaction', redacts: `$${long}`, content: {} },
  { content: { 'm.relates_to': { rel_type: long, event_id: `$${long}`, key: long } } },
  { content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: '$x', key: long } } },
  { type: 'm.room.member', content: { membership: 'join', displayname: long, avatar_url: long } },
  { type: 'm.room.name', state_key: '', content: { name: long } },
  { type: 'm.room.canonical_alias', state_key: '', content: { alias: `#${long}:x` } },
  { type: 'm.room.topic', state_key: '', content: { topic: long } },
  { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: long } },
  { origin_server_ts: Number.MAX_SAFE_INTEGER },
  { origin_server_ts: -Number.MAX_SAFE_INTEGER },
  { depth: Number.MAX_SAFE_INTEGER },
  { signatures: { [nul]: { [nul]: nul } } },
  { signatures: { localhost: { 'ed25519:a': 'x' } } },
];

for (const version of ['10', '12']) {
  t.test(`no event keeps back what its server tells else, version ${version}`, async (t) => {
    const body = {
      preset: 'public_chat',
      room_version: version,
      power_level_content_override: { users_default: 100 },
    };
    const roomId = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
    const other = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
    const mallory = await joinAsPeer(peer, homeserver, roomId, `mallory${version}`);
    const trent = await joinAsPeer(peer, homeserver, other, `trent${version}`);
    for (const fields of odd) {
      const isOwn = fields['type'] === 'm.room.member' && fields['state_key'] === undefined;
      const event = mallory.make({ ...fields, ...(isOwn && { state_key: mallory.userId }) });
      const after = mallory.make({});
      const elsewhere = trent.say('elsewhere');
      const answer = await mallory.send([event, after, elsewhere]);
      const name = JSON.stringify(fields).slice(0, 100);
      t.equal(answer.status, 200, name);
      t.equal(errorOf(answer, after), '', 'what follows in the room is taken');
      t.equal(errorOf(answer, elsewhere), '', 'and what is said in another one');
    }
    t.notMatch(await homeserver.logs(), /could not be taken|"level":"(error|fatal)"/);
  });
}

t.test('nor does one user in an EDU keep back what it tells of others', async (t) => {
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' });
  const trent = await joinAsPeer(peer, homeserver, roomId, 'trent');
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
  const said = await alice.send(roomId, 'read me');
  const receipt = (data: JsonObject) => ({ event_ids: [said], data: { ts: 1, ...data } });
  const presence = (user_id: string) => ({ user_id, presence: 'online', last_active_ago: 5 });
  const receipts = {
    [mallory.userId]: receipt({ thread_id: nul }),
    [trent.userId]: receipt({}),
  };
  const push = [presence(`@${nul}:${peer.serverName}`), presence(trent.userId)];
  for (const thread_id of [nul, long]) {
    receipts[mallory.userId] = receipt({ thread_id });
    await mallory.send(
      [],
      [
        { edu_type: 'm.receipt', content: { [roomId]: { 'm.read': receipts } } },
        { edu_type: 'm.presence', content: { push } },
      ],
    );
  }
  const shown = await alice.untilSynced('the receipt and the presence', (sync) => {
    const ephemeral = JSON.stringify(sync.rooms?.join?.[roomId]?.ephemeral ?? {});
    const present = JSON.stringify(sync.presence ?? {});
    return ephemeral.includes(trent.userId) && present.includes(trent.userId);
  });
  t.ok(shown);
  t.notMatch(await homeserver.logs(), /an EDU could not be taken/);
});
