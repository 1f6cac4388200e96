import { sql } from 'kysely';
import t from 'tap';
import { askPeer } from '../rooms/remote/ask-peer.ts';
import { importOutliers } from '../rooms/remote/import-outliers.ts';
import { createDestinationStore } from '../storage/destinations.ts';
import { toDeviceAfter } from '../storage/to-device.ts';
import { person } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';

// Rows that a failing disk has spoiled: each costs itself and nothing else.
const [a, b] = await startTestNetwork(t, 2);
const enc = encodeURIComponent;
const secret = 'what nobody may find in a log';

/** Cuts the JSON of rows off in the middle. */
const spoil = async (
  { context }: TestServer,
  table: string,
  column: string,
  key: Readonly<Record<string, string>>,
): Promise<void> => {
  const conditions = Object.entries(key).map(([name, value]) => sql`${sql.ref(name)} = ${value}`);
  const { numAffectedRows } = await sql`
    UPDATE ${sql.table(table)} SET ${sql.ref(column)} = left(${sql.ref(column)}, 5)
    WHERE ${sql.join(conditions, sql` AND `)}`.execute(context.db.sql);
  if (!numAffectedRows) throw new Error(`no such row of ${table}`);
};

const spoilEvent = (server: TestServer, eventId: string) =>
  spoil(server, 'events', 'json', { event_id: eventId });

const lines = (row: string) =>
  a.logLines.filter((line) => line.includes('cannot be read') && line.includes(row));

t.test('an event that cannot be read is missed, and nothing around it', async (t) => {
  const alice = await person(a, 'alice');
  const bob = await person(b, 'bob');
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' });
  await bob.join(roomId, a);
  const name = await alice.setState(roomId, 'm.room.topic', { topic: secret });
  const said: string[] = [];
  for (let at = 0; at < 12; at += 1) said.push(await alice.say(roomId, `${secret} ${at}`));
  const root = said[1] ?? '';
  const relation = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } };
  const answer = await alice.send(roomId, 'm.room.message', {
    msgtype: 'm.text',
    body: 'x',
    ...relation,
  });
  const gone = [said[4], said[5], said[6], answer, name].map(String);
  for (const eventId of gone) await spoilEvent(a, eventId);
  await a.restart();

  const room = `/rooms/${enc(roomId)}`;
  const filter = enc(JSON.stringify({ room: { timeline: { limit: 50 } } }));
  const sync = await alice.insist('GET', `/sync?filter=${filter}`);
  const ids = (events: { event_id: string }[]) => events.map((event) => event.event_id);
  const left = said.filter((eventId) => !gone.includes(eventId));
  const inSync = ids(sync.rooms.join[roomId].timeline.events);
  t.strictSame(
    inSync.filter((id) => said.includes(id)),
    left,
  );

  for (const [dir, expected] of [
    ['b', left.toReversed()],
    ['f', left],
  ] as const) {
    for (const limit of [1, 2, 3]) {
      const found: string[] = [];
      for (let from = ''; ; ) {
        const page = await alice.insist('GET', `${room}/messages?dir=${dir}&limit=${limit}${from}`);
        found.push(...ids(page.chunk));
        if (page.end === undefined) break;
        from = `&from=${page.end}`;
      }
      t.strictSame(
        found.filter((id) => said.includes(id)),
        expected,
        `${dir}, ${limit} at once`,
      );
    }
  }
  t.equal((await alice.request('GET', `${room}/event/${enc(gone[0] ?? '')}`)).status, 404);
  t.equal((await alice.request('GET', `${room}/event/${enc(root)}`)).status, 200);
  t.equal((await alice.request('GET', `${room}/context/${enc(said[3] ?? '')}`)).status, 200);
  t.equal((await alice.request('GET', `${room}/state`)).status, 200);
  t.equal((await alice.request('GET', `${room}/members`)).status, 200);
  const next = await alice.say(roomId, 'and on it goes');
  t.ok(next);

  const ask = (path: string[], query: Record<string, string>) =>
    askPeer(b.context, { server: a.serverName, method: 'GET', path: ['v1', ...path], query });
  const history = await ask(['backfill', roomId], { v: next, limit: '50' });
  t.match(
    history,
    { pdus: [{ content: { body: 'and on it goes' } }] },
    'history, as far as it goes',
  );
  t.ok(Array.isArray((await ask(['state', roomId], { event_id: next }))['pdus']), 'and state');
  t.ok((await ask(['event_auth', roomId, next], {}))['auth_chain']);

  t.equal(lines(gone[0] ?? '').length, 1, 'the operator hears of each once');
  t.notOk(
    a.logLines.some((line) => line.includes(secret)),
    'and not what was in it',
  );
});

t.test('an event that cannot be read is healed when it comes again', async (t) => {
  const carol = await person(a, 'carol');
  const dave = await person(b, 'dave');
  const roomId = await carol.createRoom({ preset: 'public_chat' });
  const topic = await carol.setState(roomId, 'm.room.topic', { topic: 'x' });
  await dave.join(roomId, a);
  const stored = await b.context.rooms.events.loadOne(topic);
  if (!stored) throw new Error('the topic is not there');
  await spoilEvent(b, topic);
  await b.restart();
  const path = `/rooms/${enc(roomId)}/state/m.room.topic`;
  t.equal((await dave.request('GET', path)).status, 404);
  await importOutliers(b.context, { roomId, server: a.serverName }, [stored.event]);
  t.match(await dave.request('GET', path), { status: 200, body: { topic: 'x' } });
  await b.restart();
  t.match(await dave.request('GET', path), { status: 200, body: { topic: 'x' } });
  await dave.say(roomId, 'as before');
});

t.test('without what decides who may do what, a room is closed and no other', async (t) => {
  const erin = await person(a, 'erin');
  const frank = await person(a, 'frank');
  const broken = await erin.createRoom({ preset: 'public_chat' });
  const whole = await erin.createRoom({ preset: 'public_chat' });
  await frank.join(broken, a);
  await frank.join(whole, a);
  const state = await erin.insist('GET', `/rooms/${enc(broken)}/state`);
  const levels = state.find(({ type }: { type: string }) => type === 'm.room.power_levels');
  await spoilEvent(a, levels.event_id);
  await a.restart();
  const rename = (roomId: string) =>
    frank.request('PUT', `/rooms/${enc(roomId)}/state/m.room.name`, { name: 'mine' });
  t.ok((await rename(broken)).status >= 400, 'nobody becomes powerful by it');
  t.match(await rename(whole), { status: 403 });
  const sync = await frank.insist('GET', '/sync');
  t.ok(whole in sync.rooms.join);
  await erin.say(whole, 'still here');
});

t.test('rows of accounts and devices cost themselves alone', async (t) => {
  const gina = await person(a, 'gina');
  const hugo = await person(a, 'hugo');
  const { db } = a.context;
  const me = enc(gina.userId);
  await gina.insist('PUT', `/profile/${me}/displayname`, { displayname: 'Gina' });
  await gina.insist('PUT', `/profile/${me}/avatar_url`, { avatar_url: 'mxc://x/y' });
  for (const type of ['x.one', 'x.two']) {
    await gina.insist('PUT', `/user/${me}/account_data/${type}`, { value: 'long enough' });
  }
  const filter = { room: { timeline: { limit: 5 } } };
  const { filter_id: filterId } = await gina.insist('POST', `/user/${me}/filter`, filter);
  const oneTime = { 'x.alg:AAAA': { key: 'long enough' } };
  await gina.insist('POST', '/keys/upload', { one_time_keys: oneTime });
  for (let at = 0; at < 5; at += 1) {
    const messages = { [gina.userId]: { [gina.deviceId]: { at, text: 'long enough' } } };
    await hugo.insist('PUT', `/sendToDevice/x.type/${at}`, { messages });
  }
  const waiting = await toDeviceAfter(db, gina.userId, gina.deviceId, 0, db.clock.committed, 9);
  const roomId = await hugo.createRoom({ invite: [gina.userId] });

  const { user_id } = { user_id: gina.userId };
  await spoil(a, 'profile_fields', 'value', { user_id, field: 'avatar_url' });
  await spoil(a, 'account_data', 'content', { user_id, type: 'x.one' });
  await spoil(a, 'filters', 'filter', { user_id });
  await spoil(a, 'one_time_keys', 'key', { user_id });
  await spoil(a, 'memberships', 'stripped_state', { user_id });
  for (const at of [0, 1, 3]) {
    await spoil(a, 'to_device_messages', 'message', { position: `${waiting[at]?.position}` });
  }
  await a.restart();

  const types = (events: { type: string }[]) => events.map(({ type }) => type);
  const sync = await gina.insist('GET', '/sync');
  const told = types(sync.account_data.events);
  t.ok(told.includes('x.two') && !told.includes('x.one'), 'account data');
  const contents = sync.to_device.events.map(
    (event: { content: { at: number } }) => event.content.at,
  );
  t.strictSame(contents, [2, 4], 'messages to devices');
  const some = await toDeviceAfter(a.context.db, user_id, gina.deviceId, 0, 2 ** 52, 2);
  t.equal(some.length, 2, 'a page of them is filled up');
  const invited = sync.rooms.invite[roomId].invite_state.events;
  t.strictSame(types(invited), ['m.room.member'], 'invitations');
  t.strictSame(
    (await hugo.request('GET', `/profile/${me}`)).body,
    { displayname: 'Gina' },
    'profiles',
  );
  t.equal((await gina.request('GET', `/user/${me}/filter/${filterId}`)).status, 404, 'filters');
  const claim = { one_time_keys: { [user_id]: { [gina.deviceId]: 'x.alg' } } };
  t.strictSame((await hugo.insist('POST', '/keys/claim', claim)).one_time_keys, {}, 'keys');
  const search = { search_term: 'gina' };
  t.match(await hugo.insist('POST', '/user_directory/search', search), {
    results: [{ user_id }],
  });
  await gina.insist('POST', `/rooms/${enc(roomId)}/join`, {});
});

t.test('what cannot be read holds up no queue to another server', async (t) => {
  const { db } = a.context;
  const ivan = await person(a, 'ivan');
  const roomId = await ivan.createRoom({});
  const said = [];
  for (let at = 0; at < 4; at += 1) said.push(await ivan.say(roomId, `${at}`));
  const destination = 'away.example.org';
  await sql`
    INSERT INTO outbound_pdus (destination, event_nid)
    SELECT ${destination}, event_nid FROM events WHERE event_id = any(${said}::text[])`.execute(
    db.sql,
  );
  await sql`INSERT INTO outbound_edus (destination, edu) VALUES (${destination}, '{"edu_')`.execute(
    db.sql,
  );
  for (const at of [0, 1, 3]) await spoilEvent(a, said[at] ?? '');
  const store = createDestinationStore(db);
  t.equal((await store.pendingPdus(destination, 2)).length, 1, 'the first that can be read');
  t.equal((await store.latestPdus(destination, 2)).length, 1, 'and the latest');
  const [edu] = await store.pendingEdus(destination, 5);
  t.strictSame(edu?.edu, {});
  await store.confirmed(destination, [], edu ? [edu.eduId] : []);
  t.strictSame(await store.pendingEdus(destination, 5), []);
});

t.test('a room of a version that nobody knows is missed, and no other', async (t) => {
  const alice = await person(a, 'versions');
  const [lost, kept] = [await alice.createRoom({}), await alice.createRoom({})];
  await sql`UPDATE rooms SET version = '99' WHERE room_id = ${lost}`.execute(a.context.db.sql);
  await a.restart();
  const sync = await alice.insist('GET', '/sync');
  t.strictSame(Object.keys(sync.rooms.join), [kept]);
  t.equal(lines(lost).length, 1);
});
