import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { dice } from './dice.ts';
import { nothingSeen, type Seen, type StubbornClient, stubbornClient } from './stubborn-client.ts';

t.setTimeout(500_000);

const seed = Number(process.env['CANDOR_FAULT_SEED'] ?? Date.now() % 1_000_000);
const kills = 4;
const pauseMs = 15;
/** Of one person between two kills, however long a start takes: the whole talk fits one sync and one page. */
const messagesPerKillMax = 95;

/** Everything an account does until it is told to stop: it talks, sends notes, reads and syncs. */
const live = (
  me: StubbornClient,
  peer: StubbornClient,
  roomId: string,
  seen: Seen,
  { isOver, messagesMax }: { isOver: () => boolean; messagesMax: () => number },
) => {
  const acknowledged: string[] = [];
  const notes: string[] = [];
  let lastRead: string | undefined;
  const talk = async () => {
    while (!isOver()) {
      const count = acknowledged.length;
      if (count < messagesMax()) acknowledged.push(await me.say(roomId, `${me.userId} ${count}`));
      await sleep(pauseMs);
    }
  };
  const sendNotes = async () => {
    for (let count = 0; !isOver(); count += 1) {
      await me.sendToDevice(peer, `note ${count}`);
      notes.push(`${me.userId} note ${count}`);
      await sleep(pauseMs);
    }
  };
  const readAndSync = async () => {
    while (!isOver()) {
      await me.sync(seen, 200);
      const latest = seen.timelines
        .get(roomId)
        ?.findLast((id) => seen.texts.get(id)?.startsWith(peer.userId));
      if (latest === undefined || latest === lastRead) continue;
      await me.read(roomId, latest);
      lastRead = latest;
    }
  };
  const ended = Promise.all([talk(), sendNotes(), readAndSync()]);
  return { acknowledged, notes, ended, lastRead: () => lastRead };
};

t.test(`servers are killed at any moment and lose and double nothing (seed ${seed})`, async (t) => {
  const random = dice(seed);
  const pair = await startDeployment();
  t.teardown(pair.stop);
  const [first] = pair.servers;
  const second = pair.other;
  const alice = stubbornClient(await first.register('alice'));
  const bob = stubbornClient(await second.register('bob'));
  const { room_id: roomId } = await alice.call<{ room_id: string }>('POST', '/createRoom', {
    preset: 'public_chat',
  });
  await bob.call('POST', `/join/${encodeURIComponent(roomId)}?via=${first.serverName}`, {});
  const people = [
    { me: alice, peer: bob, seen: nothingSeen() },
    { me: bob, peer: alice, seen: nothingSeen() },
  ];
  for (const { me, seen } of people) {
    await me.sync(seen);
    seen.timelines.clear();
    seen.gaps.length = 0;
  }
  const tokens = people.map(({ seen }) => seen.since);
  let isOver = false;
  let messagesMax = messagesPerKillMax;
  const until = { isOver: () => isOver, messagesMax: () => messagesMax };
  const lives = people.map((one) => ({
    ...one,
    ...live(one.me, one.peer, roomId, one.seen, until),
  }));
  for (let count = 0; count < kills; count += 1) {
    await sleep(200 + random() * 600);
    const victims = [[first], [second], [first, second]][Math.floor(random() * 3)] ?? [];
    await Promise.all(victims.map((server) => server.kill()));
    await sleep(random() * 300);
    await Promise.all(victims.map((server) => server.start()));
    messagesMax += messagesPerKillMax;
  }
  await waitUntil('both to have read something', async () =>
    lives.every(({ lastRead }) => lastRead() !== undefined),
  );
  isOver = true;
  await Promise.all(lives.map(({ ended }) => ended));

  const said = lives.flatMap(({ acknowledged }) => acknowledged);
  t.comment(`${said.length} messages`);
  for (const { me, peer, seen } of lives) {
    const other = lives.find((one) => one.me === peer);
    const isComplete = () => {
      const ids = new Set(seen.timelines.get(roomId));
      const read = `${peer.userId} ${other?.lastRead()}`;
      return (
        said.every((id) => ids.has(id)) &&
        seen.toDevice.length >= (other?.notes.length ?? 0) &&
        seen.receipts.includes(read)
      );
    };
    await waitUntil(`everything at ${me.userId}`, async () => {
      await me.sync(seen, 200);
      return isComplete();
    }).catch((error: Error) => t.fail(error.message));
  }
  for (const [index, { me, peer, seen }] of lives.entries()) {
    const other = lives.find((one) => one.me === peer);
    const ids = seen.timelines.get(roomId) ?? [];
    t.strictSame(seen.gaps, [], `${me.userId} had no gap`);
    t.equal(new Set(ids).size, ids.length, `${me.userId} saw nothing twice`);
    const texts = ids.map((id) => seen.texts.get(id) ?? '');
    for (const speaker of lives) {
      t.strictSame(
        ids.filter((id) => seen.texts.get(id)?.startsWith(speaker.me.userId)),
        speaker.acknowledged,
        `${me.userId} saw what ${speaker.me.userId} said, once each, in order`,
      );
    }
    t.equal(texts.length, said.length, 'and nothing else');
    t.strictSame(seen.toDevice, other?.notes, `${me.userId} got every note once, in order`);
    const moves = seen.receipts
      .filter((receipt) => receipt.startsWith(`${peer.userId} `))
      .map((receipt) => ids.indexOf(receipt.slice(peer.userId.length + 1)));
    t.strictSame(
      moves,
      [...moves].sort((one, two) => one - two),
      'receipts never moved back',
    );
    t.equal(moves.at(-1), ids.indexOf(other?.lastRead() ?? ''), 'the last receipt arrived');
    const again = nothingSeen(tokens[index]);
    await me.sync(again);
    t.strictSame(again.timelines.get(roomId), ids, 'one sync over it all has the same sequence');
    const page = await me.call<{ chunk: { event_id: string; type: string }[] }>(
      'GET',
      `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=1000`,
    );
    const stored = page.chunk.filter(({ type }) => type === 'm.room.message');
    t.strictSame(
      stored.map(({ event_id }) => event_id).sort(),
      [...said].sort(),
      'so has the history',
    );
  }
});
