import { CandorError } from '@candor/client-sdk';
import { clientServer } from '@candor/spec';
import t, { type Test } from 'tap';
import { startDeployment } from '../../deployment.ts';
import type { Homeserver } from '../../homeserver.ts';
import { waitUntil } from '../../interop/wait-until.ts';
import { startLyingProxy } from '../../peer/lying-proxy.ts';
import { type MeddlingProxy, startMeddlingProxy } from '../../peer/meddling-proxy.ts';
import { type Person, signIn, waitFor } from './person.ts';

t.setTimeout(300_000);
const deployment = await startDeployment();
t.teardown(() => deployment.stop());
const [here, there] = [deployment.servers[0], deployment.other];

let people = 0;
const person = async (t: Test, server: Homeserver, url?: string): Promise<Person> => {
  people += 1;
  const account = await server.register(`person${people}`);
  const one = await signIn(account, url === undefined ? {} : { url });
  t.teardown(() => one.client.stop());
  await one.client.start();
  return one;
};

/** Somebody whose homeserver lies to them. */
const misled = async (t: Test) => {
  const proxy = await startMeddlingProxy(here.url);
  t.teardown(proxy.close);
  return { proxy, alice: await person(t, here, proxy.url) };
};

type Event = Record<string, unknown> & { event_id: string };

/** Puts events into the next sync of a client, as the timeline of a room it is said to be in. */
const inject = (proxy: MeddlingProxy, roomId: string, events: readonly object[]): void => {
  proxy.meddle = (body) => {
    proxy.meddle = undefined;
    const rooms = body['rooms'] as { join?: object } | undefined;
    const state = events.filter((event) => 'state_key' in event);
    const room = { timeline: { events }, state_after: { events: state } };
    return { ...body, rooms: { ...rooms, join: { ...rooms?.join, [roomId]: room } } };
  };
};

let lies = 0;
const lie = (sender: Person, type: string, content: object, stateKey?: string): Event => {
  lies += 1;
  return {
    type,
    content,
    sender: sender.client.userId,
    event_id: `$lie${lies}`,
    origin_server_ts: 1_700_000_000_000,
    ...(stateKey !== undefined && { state_key: stateKey }),
  };
};

/** The newest event of a room, as its server has it. */
const raw = async (one: Person, roomId: string): Promise<Event> => {
  const query = { dir: 'b' as const, limit: 1 };
  const { chunk } = await one.client.call(clientServer.getRoomEvents, {
    params: { roomId },
    query,
  });
  const [event] = chunk;
  if (!event) throw new Error('the room is empty');
  return { ...event };
};

/** Something harmless that makes the homeserver of a waiting client answer. */
const nudge = async (one: Person, roomId: string): Promise<void> => {
  const room = one.client.room(roomId);
  for (const typing of [true, false]) await room.setTyping(typing);
};

const joined = async (from: Person, roomId: string, who: Person) => {
  await waitFor(
    'the other to be in',
    [from, who],
    () => from.client.room(roomId).members().get(who.client.userId) === 'join',
  );
};

const inDirectRoom = async (t: Test) => {
  const { proxy, alice } = await misled(t);
  const bob = await person(t, there);
  const room = await alice.client.directRoom(bob.client.userId);
  await joined(alice, room.id, bob);
  await room.send('hello');
  await bob.hears('hello');
  return { proxy, alice, bob, room };
};

t.test('a member invented in a direct room gets no message', async (t) => {
  const { proxy, alice, bob, room } = await inDirectRoom(t);
  const mallory = await person(t, there);
  const membership = { membership: 'join' };
  inject(proxy, room.id, [lie(bob, 'm.room.member', membership, mallory.client.userId)]);
  await nudge(bob, room.id);
  await joined(alice, room.id, mallory);
  await room.send('for bob only');
  await bob.hears('for bob only');
  const { content } = await raw(alice, room.id);
  t.equal(Object.keys((content as { ciphertext: object }).ciphertext).length, 1);
});

t.test('encryption is not switched off, nor changed to another algorithm', async (t) => {
  const { proxy, alice, bob, room } = await inDirectRoom(t);
  const changed = () => new Promise((resolve) => alice.client.once('room', resolve));
  for (const content of [{}, { algorithm: 'm.megolm.v1.aes-sha2' }]) {
    const told = changed();
    inject(proxy, room.id, [lie(bob, 'm.room.encryption', content, '')]);
    await nudge(bob, room.id);
    await told;
    t.equal(room.encryption, 'direct');
  }
  await room.send('still encrypted');
  await bob.hears('still encrypted');
  t.equal((await raw(alice, room.id))['type'], 'm.room.encrypted');
});

t.test('what is put into somebody’s mouth is refused', async (t) => {
  const { proxy, alice, bob, room } = await inDirectRoom(t);
  await bob.client.room(room.id).send('once');
  await alice.hears('once');
  const once = await raw(alice, room.id);
  const clear = lie(bob, 'm.room.message', { msgtype: 'm.text', body: 'send money' });
  const again = { ...once, event_id: '$again' };
  const stolen = { ...once, event_id: '$stolen', sender: alice.client.userId };
  inject(proxy, room.id, [clear, again, stolen]);
  await nudge(bob, room.id);
  const refused = await waitUntil('three refusals', () =>
    alice.unreadable.length >= 3 ? alice.unreadable : undefined,
  );
  const of = (eventId: string) => refused.find((message) => message.eventId === eventId);
  t.match(of(clear.event_id), {
    state: 'refused',
    reason: 'not-encrypted',
    body: '',
    content: null,
  });
  t.match(of('$again'), { state: 'refused', content: null });
  t.not(of('$stolen')?.state, 'readable');
  t.same(alice.texts(), ['once']);
});

t.test('a message is reported when the keys of its sender cannot be had', async (t) => {
  const proxy = await startLyingProxy(there.url);
  t.teardown(proxy.close);
  const [alice, bob] = [await person(t, here), await person(t, there, proxy.url)];
  const room = await alice.client.directRoom(bob.client.userId);
  await joined(alice, room.id, bob);
  const away = alice.client.userId.replace(/^[^:]*:/, '');
  proxy.lie = ({ path }) =>
    path.startsWith('/_matrix/client/v3/keys/query')
      ? { status: 200, json: { device_keys: {}, failures: { [away]: {} } } }
      : undefined;
  await room.send('from a stranger');
  const told = await waitUntil('the report', () => bob.unreadable[0]);
  t.match(told, { state: 'waiting', reason: 'device-unknown', sender: alice.client.userId });
  t.equal(bob.unreadable.length, 1);
  t.same(bob.texts(), []);
});

t.test('a direct message waits for keys that cannot be had, and says so', async (t) => {
  const proxy = await startLyingProxy(here.url);
  t.teardown(proxy.close);
  const [alice, bob] = [await person(t, here, proxy.url), await person(t, there)];
  const away = bob.client.userId.replace(/^[^:]*:/, '');
  proxy.lie = ({ path }) =>
    path.startsWith('/_matrix/client/v3/keys/query')
      ? { status: 200, json: { device_keys: {}, failures: { [away]: { status: 503 } } } }
      : undefined;
  const room = await alice.client.directRoom(bob.client.userId);
  await joined(alice, room.id, bob);
  const sent = room.send('late');
  const outcome = sent.then(
    () => 'sent',
    (error: unknown) => error,
  );
  const about = { code: 'devices-unknown', userIds: [bob.client.userId] };
  const told = await Promise.race([
    outcome,
    waitUntil('the problem', () => alice.problems.find((one) => one instanceof CandorError)),
  ]);
  t.match(told, about);
  t.same(room.unsent(), [], 'nobody has to do anything');
  proxy.lie = undefined;
  await bob.hears('late');
  t.equal(await outcome, 'sent');
});

t.test('who left, and who came later, cannot read what their server hands them', async (t) => {
  const { proxy, alice: carol } = await misled(t);
  const [alice, bob] = [await person(t, there), await person(t, there)];
  const group = await alice.client.createGroup({ invite: [bob.client.userId] });
  await joined(alice, group.id, bob);
  await group.send('before');
  await bob.hears('before');
  const before = await raw(alice, group.id);
  await group.invite(carol.client.userId);
  await joined(alice, group.id, carol);
  await group.send('between');
  await carol.hears('between');
  await carol.client.room(group.id).leave();
  await waitUntil('carol to be gone', () => group.members().get(carol.client.userId) === 'leave');
  await group.send('after');
  await bob.hears('after');
  const after = await raw(alice, group.id);
  inject(proxy, group.id, [before, after]);
  const other = await bob.client.directRoom(carol.client.userId);
  await joined(bob, other.id, carol);
  await waitUntil('both events', () =>
    [before, after].every(({ event_id: id }) => carol.unreadable.some((one) => one.eventId === id)),
  );
  t.same(carol.texts(), ['between']);
});

t.end();
