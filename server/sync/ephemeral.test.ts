import t from 'tap';
import { arrives, person } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import { SyncClient } from '../testing/sync-client.ts';

const enc = encodeURIComponent;
const [a, b] = await startTestNetwork(t, 2);

/** Two users of one server and one of another, in a room. */
const together = async (suffix: string) => {
  const alice = await person(a, `alice${suffix}`);
  const bob = await person(a, `bob${suffix}`);
  const carol = await person(b, `carol${suffix}`);
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(roomId, a);
  await carol.join(roomId, a);
  const clients = [new SyncClient(a, alice), new SyncClient(a, bob), new SyncClient(b, carol)];
  const [ofAlice, ofBob, ofCarol] = clients as [SyncClient, SyncClient, SyncClient];
  for (const client of clients) await client.sync();
  return { alice, bob, carol, roomId, ofAlice, ofBob, ofCarol };
};

t.test('read receipts reach everybody in the room, private ones only their user', async (t) => {
  const { alice, bob, carol, roomId, ofAlice, ofBob, ofCarol } = await together('1');
  const room = `/rooms/${enc(roomId)}`;
  const first = await alice.say(roomId, 'first');
  const second = await alice.say(roomId, 'second');
  await arrives(b, second);
  const publicKey = (userId: string) => JSON.stringify([userId, 'm.read', '']);
  const privateKey = JSON.stringify([bob.userId, 'm.read.private', '']);

  await bob.insist('POST', `${room}/receipt/m.read/${enc(second)}`, {});
  for (const client of [ofAlice, ofBob, ofCarol]) {
    await client.until(() => client.room(roomId).receipts.get(publicKey(bob.userId)) === second);
  }
  await bob.insist('POST', `${room}/receipt/m.read/${enc(first)}`, {});
  await bob.insist('POST', `${room}/receipt/m.read.private/${enc(second)}`, {});
  await ofBob.until(() => ofBob.room(roomId).receipts.get(privateKey) === second);
  t.equal(
    ofBob.room(roomId).receipts.get(publicKey(bob.userId)),
    second,
    'nothing is unread again',
  );

  await carol.insist('POST', `${room}/receipt/m.read/${enc(second)}`, {});
  for (const client of [ofAlice, ofBob, ofCarol]) {
    await client.until(() => client.room(roomId).receipts.get(publicKey(carol.userId)) === second);
    if (client !== ofBob) t.notOk(client.room(roomId).receipts.has(privateKey));
  }
  for (const [server, user] of [
    [a, alice],
    [b, carol],
  ] as const) {
    const initial = new SyncClient(server, user);
    await initial.sync();
    t.equal(initial.room(roomId).receipts.get(publicKey(bob.userId)), second);
    t.notOk(initial.room(roomId).receipts.has(privateKey), 'not in an initial sync either');
  }
});

t.test('a receipt may be for a thread that its event is in', async (t) => {
  const { alice, bob, roomId, ofAlice } = await together('2');
  const room = `/rooms/${enc(roomId)}`;
  const root = await alice.say(roomId, 'root');
  const inThread = await alice.send(roomId, 'm.room.message', {
    msgtype: 'm.text',
    body: 'reply',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  });
  const receipt = (eventId: string, body: object, type = 'm.read') =>
    bob.request('POST', `${room}/receipt/${type}/${enc(eventId)}`, body);
  t.equal((await receipt(inThread, { thread_id: root })).status, 200);
  t.equal((await receipt(root, { thread_id: 'main' })).status, 200);
  await ofAlice.until(() => ofAlice.room(roomId).receipts.size === 2);
  t.same(Object.fromEntries(ofAlice.room(roomId).receipts), {
    [JSON.stringify([bob.userId, 'm.read', root])]: inThread,
    [JSON.stringify([bob.userId, 'm.read', 'main'])]: root,
  });
  for (const [eventId, body, type] of [
    [inThread, { thread_id: 'main' }, 'm.read'],
    [root, { thread_id: inThread }, 'm.read'],
    [root, { thread_id: 'main' }, 'm.fully_read'],
  ] as const) {
    const refused = await receipt(eventId, body, type);
    t.same([refused.status, refused.body.errcode], [400, 'M_INVALID_PARAM']);
  }
  const unknown = await receipt('$unknown', {});
  t.same([unknown.status, unknown.body.errcode], [404, 'M_NOT_FOUND']);
  const outsider = await person(a, 'outsider2');
  const refused = await outsider.request('POST', `${room}/receipt/m.read/${enc(root)}`, {});
  t.same([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN']);
});

t.test('read markers are account data of the room, and receipts beside them', async (t) => {
  const { alice, bob, roomId, ofAlice, ofBob } = await together('3');
  const eventId = await alice.say(roomId, 'read me');
  await bob.insist('POST', `/rooms/${enc(roomId)}/read_markers`, {
    'm.fully_read': eventId,
    'm.read': eventId,
  });
  await ofBob.until(() => ofBob.room(roomId).accountData.has('m.fully_read'));
  t.same(ofBob.room(roomId).accountData.get('m.fully_read'), { event_id: eventId });
  await ofAlice.until(() => ofAlice.room(roomId).receipts.size > 0);
  t.notOk(ofAlice.room(roomId).accountData.has('m.fully_read'));
  const refused = await bob.request('POST', `/rooms/${enc(roomId)}/read_markers`, {
    'm.fully_read': '$unknown',
  });
  t.same([refused.status, refused.body.errcode], [404, 'M_NOT_FOUND']);
});

t.test('who is writing is seen here and on other servers, until it ends or runs out', async (t) => {
  const { alice, bob, carol, roomId, ofAlice, ofBob, ofCarol } = await together('4');
  const typing = (who: typeof alice, body: object) =>
    who.insist('PUT', `/rooms/${enc(roomId)}/typing/${enc(who.userId)}`, body);
  const sees = (client: SyncClient, ...users: string[]) =>
    client.until(() => client.room(roomId).typing.join() === users.join());
  await typing(alice, { typing: true, timeout: 60_000 });
  for (const client of [ofAlice, ofBob, ofCarol]) await sees(client, alice.userId);
  await typing(carol, { typing: true });
  for (const client of [ofAlice, ofBob, ofCarol]) await sees(client, alice.userId, carol.userId);
  await typing(alice, { typing: false });
  for (const client of [ofAlice, ofBob, ofCarol]) await sees(client, carol.userId);
  await typing(carol, { typing: false });
  await typing(bob, { typing: true, timeout: 1_500 });
  await sees(ofAlice, bob.userId);
  await sees(ofAlice);
  const initial = new SyncClient(a, alice);
  await initial.sync();
  t.same(initial.room(roomId).typing, [], 'what has run out is not told again');

  const other = await bob.request('PUT', `/rooms/${enc(roomId)}/typing/${enc(alice.userId)}`, {
    typing: true,
  });
  t.same([other.status, other.body.errcode], [403, 'M_FORBIDDEN'], 'only for oneself');
});

t.test('presence is shown to those who share a room, on both servers', async (t) => {
  const { alice, bob, carol, ofAlice, ofBob, ofCarol } = await together('5');
  await alice.insist('PUT', `/presence/${enc(alice.userId)}/status`, {
    presence: 'unavailable',
    status_msg: 'at lunch',
  });
  const shows = (client: SyncClient) => () =>
    client.presence.get(alice.userId)?.status_msg === 'at lunch';
  for (const client of [ofAlice, ofBob, ofCarol]) await client.until(shows(client));
  t.equal(ofCarol.presence.get(alice.userId).presence, 'unavailable');
  for (const who of [bob, carol]) {
    const shown = await who.insist('GET', `/presence/${enc(alice.userId)}/status`);
    t.match(shown, { presence: 'unavailable', status_msg: 'at lunch' });
  }
  const stranger = await person(a, 'stranger5');
  const refused = await stranger.request('GET', `/presence/${enc(alice.userId)}/status`);
  t.same([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN']);
  const ofStranger = new SyncClient(a, stranger);
  await ofStranger.sync();
  t.notOk(ofStranger.presence.has(alice.userId));
  const initial = new SyncClient(a, bob);
  await initial.sync();
  t.ok(shows(initial)(), 'an initial sync shows who is there');
});

t.test(
  'who comes into a room is shown the presence of those in it, and they that of who came',
  async (t) => {
    const dora = await person(a, 'dora6');
    const eve = await person(a, 'eve6');
    const gone = await person(a, 'gone6');
    const [ofDora, ofEve] = [new SyncClient(a, dora), new SyncClient(a, eve)];
    await ofDora.sync();
    await ofEve.sync();
    const roomId = await dora.createRoom({ preset: 'public_chat' });
    await gone.join(roomId, a);
    await ofDora.sync();
    t.notOk(ofDora.presence.has(eve.userId));
    await eve.join(roomId, a);
    await ofDora.until(() => ofDora.presence.get(eve.userId)?.presence === 'online');
    await ofEve.until(() => ofEve.presence.get(dora.userId)?.presence === 'online');
    t.notOk(ofEve.presence.has(gone.userId), 'who is not there is not news');
    const { presence } = await ofEve.sync();
    t.equal(presence, undefined, 'once');
  },
);
