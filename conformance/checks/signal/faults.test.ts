import { join } from 'node:path';
import { Candor } from '@candor/client-sdk';
import t, { type Test } from 'tap';
import { startDeployment } from '../../deployment.ts';
import type { Homeserver } from '../../homeserver.ts';
import { waitUntil } from '../../interop/wait-until.ts';
import { startLyingProxy } from '../../peer/lying-proxy.ts';
import { startMeddlingProxy } from '../../peer/meddling-proxy.ts';
import { type Person, personOf, type SignInOptions, signIn, waitFor } from './person.ts';

t.setTimeout(300_000);
const deployment = await startDeployment();
t.teardown(() => deployment.stop());
const [here, there] = [deployment.servers[0], deployment.other];

let people = 0;
const person = async (t: Test, server: Homeserver, options?: SignInOptions): Promise<Person> => {
  people += 1;
  const one = await signIn(await server.register(`person${people}`), options);
  t.teardown(() => one.client.stop());
  await one.client.start();
  return one;
};

const roomOf = async (from: Person, ...others: Person[]) => {
  const userIds = others.map(({ client }) => client.userId);
  const [first = ''] = userIds;
  const room =
    userIds.length === 1
      ? await from.client.directRoom(first)
      : await from.client.createGroup({ invite: userIds });
  await waitFor('everybody to be in', [from, ...others], () =>
    userIds.every((userId) => room.members().get(userId) === 'join'),
  );
  return room;
};

const counted = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

t.test('no message is lost or doubled when a server is killed in the middle', async (t) => {
  const [alice, bob] = [await person(t, here), await person(t, there)];
  const room = await roomOf(alice, bob);
  const back = bob.client.room(room.id);
  await room.send('begin');
  await bob.hears('begin');
  for (const server of [here, there]) {
    const [mine, theirs] = [counted(`alice ${server.url}`, 12), counted(`bob ${server.url}`, 12)];
    const sent = [...mine.map((text) => room.send(text)), ...theirs.map((text) => back.send(text))];
    await sent[2];
    await server.kill();
    await server.start();
    await Promise.all(sent);
    await Promise.all([bob.hears(mine.at(-1) ?? ''), alice.hears(theirs.at(-1) ?? '')]);
    t.same(
      bob.texts().filter((text) => mine.includes(text)),
      mine,
    );
    t.same(
      alice.texts().filter((text) => theirs.includes(text)),
      theirs,
    );
  }
  const shown = (one: Person) => one.client.room(room.id).timeline(200);
  for (const one of [alice, bob]) {
    t.equal(shown(one).length, 1 + 4 * 12);
    t.equal(new Set(shown(one).map(({ body }) => body)).size, 1 + 4 * 12);
  }
});

t.test('a client that ends in the middle of sending goes on from its store', async (t) => {
  const bob = await person(t, there);
  const store = { file: join(deployment.folder, 'alice.store'), passphrase: 'of alice' };
  const alice = await signIn(await here.register('interrupted'), { store });
  await alice.client.start();
  const room = await roomOf(alice, bob);
  const texts = counted('text', 10);
  const sent = texts.map((text) => room.send(text).catch((error: unknown) => error));
  await sent[3];
  await alice.client.stop();
  const outcomes = await Promise.all(sent);
  t.match(outcomes.at(-1), { code: 'stopped' });
  const again = personOf(Candor.open(store));
  t.teardown(() => again.client.stop());
  await again.client.start();
  await bob.hears('text 9');
  t.same(bob.texts(), texts);
});

t.test('a lost to-device message is made good by a retry request', async (t) => {
  const proxy = await startMeddlingProxy(there.url);
  t.teardown(proxy.close);
  const [alice, carol] = [await person(t, here), await person(t, here)];
  const bob = await person(t, there, { url: proxy.url });
  const group = await roomOf(alice, bob, carol);
  let lost = 0;
  proxy.meddle = (body) => {
    const { to_device: toDevice, ...rest } = body;
    lost += (toDevice as { events?: unknown[] } | undefined)?.events?.length ?? 0;
    return rest;
  };
  await group.send('whose key is lost');
  await carol.hears('whose key is lost');
  const unreadable = await waitUntil('the event without its key', () => bob.unreadable[0]);
  t.match(unreadable, { state: 'waiting' });
  await waitUntil('the key to be lost', () => lost > 0);
  proxy.meddle = undefined;
  const heard = await bob.hears('whose key is lost');
  t.equal(heard.eventId, unreadable.eventId);
  t.equal(bob.client.room(group.id).timeline().at(-1)?.state, 'readable');
});

t.test('where no WebSocket comes through, long polls do', async (t) => {
  const proxy = await startLyingProxy(here.url);
  t.teardown(proxy.close);
  const [alice, bob] = [await person(t, here, { url: proxy.url }), await person(t, there)];
  const states: string[] = [];
  alice.client.on('state', (state) => states.push(state));
  const room = await roomOf(alice, bob);
  for (const text of counted('polled', 3)) {
    await room.send(text);
    await bob.hears(text);
    await bob.client.room(room.id).send(`${text}, heard`);
    await alice.hears(`${text}, heard`);
  }
  t.ok(proxy.asked.some(({ path }) => /sync\?.*timeout=[1-9]/.test(path)));
  t.same(states, [], 'and the client was never offline');
});

t.test('events and keys in the wrong order are put together', async (t) => {
  const proxy = await startMeddlingProxy(there.url);
  t.teardown(proxy.close);
  const [alice, carol] = [await person(t, here), await person(t, here)];
  const bob = await person(t, there, { url: proxy.url });
  const group = await roomOf(alice, bob, carol);
  const kept: unknown[] = [];
  proxy.meddle = (body) => {
    const { to_device: toDevice, rooms, ...rest } = body;
    kept.push(...((toDevice as { events?: unknown[] } | undefined)?.events ?? []));
    const join = (rooms as { join?: Record<string, { timeline?: { events?: unknown[] } }> })?.join;
    join?.[group.id]?.timeline?.events?.reverse();
    return { ...rest, ...(rooms !== undefined && { rooms }) };
  };
  const texts = counted('early', 3);
  await Promise.all(texts.map((text) => group.send(text)));
  await carol.hears('early 2');
  await waitUntil('three events without keys', () => bob.unreadable.length >= 3);
  await waitUntil('the key', () => kept.length > 0);
  proxy.meddle = (body) => {
    proxy.meddle = undefined;
    return { ...body, to_device: { events: kept } };
  };
  await group.send('late');
  await Promise.all([...texts, 'late'].map((text) => bob.hears(text)));
  t.same(bob.texts().sort(), [...texts, 'late']);
});

t.end();
