import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { errorOf, joinAsPeer } from './peer-in-room.ts';
import { startScene } from './start-scene.ts';

t.setTimeout(120_000);

const { homeserver, peer } = await startScene(t);
const alice = asPerson(await homeserver.register('alice'));
const body = { preset: 'public_chat', room_version: '11' };
const asked = (name: string) => peer.asked.filter(({ path }) => path[1] === name).length;

t.test('a room whose past is not told holds up no other room of the same server', async (t) => {
  const slow = await alice.createRoom(body);
  const other = await alice.createRoom(body);
  const mallory = await joinAsPeer(peer, homeserver, slow, 'mallory');
  const trent = await joinAsPeer(peer, homeserver, other, 'trent');
  let tell: () => void = () => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const skipped = mallory.say('kept back for now');
  const late = mallory.say('after it');
  peer.answer(async ({ path }) => {
    if (path[1] !== 'get_missing_events') return undefined;
    await told;
    return { body: { events: [skipped.pdu] } };
  });
  const first = mallory.send([late]);
  await waitUntil('the question', () => asked('get_missing_events') > 0);
  const said = trent.say('elsewhere');
  const second = await mallory.send([said]);
  t.equal(errorOf(second, said), '');
  const inSlow = mallory.say('and more of it');
  const third = trent.say('elsewhere too');
  t.equal(errorOf(await mallory.send([inSlow, third]), third), '');
  t.equal(asked('state_ids'), 0, 'all while the first question is open');
  tell();
  await first;
  for (const { eventId } of [skipped, late, inSlow]) await alice.untilSeen(slow, eventId);
});

t.test('what a slow room was told survives a crash', async (t) => {
  const slow = await alice.createRoom(body);
  const mallory = await joinAsPeer(peer, homeserver, slow, 'mallory3');
  const skipped = mallory.say('kept back for now');
  const late = mallory.say('after it');
  const last = mallory.say('and more of it');
  let isTold = false;
  const before = asked('get_missing_events');
  peer.answer(async ({ path }) => {
    if (path[1] !== 'get_missing_events') return undefined;
    if (!isTold) await new Promise(() => undefined);
    return { body: { events: [skipped.pdu] } };
  });
  t.strictSame((await mallory.send([late])).json, { pdus: {} }, 'nothing is told of it');
  t.ok(asked('get_missing_events') > before);
  t.strictSame((await mallory.send([last])).json, { pdus: {} }, 'nor of what came behind it');
  await homeserver.kill();
  isTold = true;
  await homeserver.start();
  for (const { eventId } of [skipped, late, last]) await alice.untilSeen(slow, eventId);
});

t.test('a policy server that says nothing holds up no other room for long', async (t) => {
  const policed = await alice.createRoom(body);
  const other = await alice.createRoom(body);
  const mallory = await joinAsPeer(peer, homeserver, policed, 'mallory2');
  const trent = await joinAsPeer(peer, homeserver, other, 'trent2');
  let questions = 0;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  t.teardown(end);
  await alice.setState(policed, 'm.room.policy', {
    via: peer.serverName,
    public_keys: { ed25519: peer.signer.key.publicKey },
  });
  peer.answer(async ({ path }) => {
    if (path.at(-1) !== 'sign') return undefined;
    questions += 1;
    await ended;
    return { status: 500, body: {} };
  });
  for (let count = 0; count < 5; count += 1) {
    const said = trent.say('elsewhere');
    const answer = await mallory.send([mallory.say('unsigned'), said]);
    t.equal(errorOf(answer, said), '');
  }
  t.equal(questions, 1);
});
