import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { asPerson } from '../interop/person.ts';
import { waitUntil } from '../interop/wait-until.ts';

t.setTimeout(300_000);

t.test('a conversation goes on after either server was killed in the middle of it', async (t) => {
  const deployment = await startDeployment();
  t.teardown(() => deployment.stop());
  const [one] = deployment.servers;
  const { other } = deployment;
  const alice = asPerson(await one.register('alice'));
  const bob = asPerson(await other.register('bob'));
  const made = await alice.call('POST', '/v3/createRoom', { preset: 'public_chat' });
  const roomId = String(made['room_id']);
  const via = encodeURIComponent(one.serverName);
  await bob.call('POST', `/v3/join/${encodeURIComponent(roomId)}?via=${via}`, {});

  const said: string[] = [];
  const keepTalking = async (person: typeof alice, name: string, count: number) => {
    for (let i = 0; i < count; i += 1) {
      // What was not answered may or may not have been said.
      const sent = await person.send(roomId, `${name} ${i}`).catch(() => undefined);
      if (sent !== undefined) said.push(sent);
    }
  };
  for (const [victim, rest] of [
    [other, one],
    [one, other],
  ] as const) {
    const talk = Promise.all([keepTalking(alice, 'alice', 60), keepTalking(bob, 'bob', 60)]);
    await waitUntil('the talk to be under way', () => said.length % 120 > 20);
    await victim.kill();
    await talk;
    await victim.start();
    t.ok(rest.pid, 'the other one runs on');
  }
  for (const person of [alice, bob]) {
    await waitUntil(`everything at ${person.serverName}`, async () => {
      const seen = new Set((await person.timeline(roomId, 500)).map((event) => event.event_id));
      return said.every((eventId) => seen.has(eventId));
    });
  }
  const [last] = [await alice.send(roomId, 'the end')];
  await waitUntil('the last word', async () =>
    (await bob.timeline(roomId, 5)).some((event) => event.event_id === last),
  );
  const ids = async (person: typeof alice) =>
    ((await person.state(roomId)) ?? []).map((event) => event.event_id).sort();
  t.strictSame(await ids(bob), await ids(alice));
});
