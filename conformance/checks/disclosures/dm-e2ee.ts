import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openStolenDevice } from '@candor/client-sdk/testing';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';
import { roomEvents } from '../../room-events.ts';
import type { Talker } from '../../talker.ts';

const algorithm = 'dev.candor.signal.pqxdh.v1';

/** Every text is read exactly once. */
const demandOnce = (read: readonly { readonly body: string }[], texts: readonly string[]): void => {
  for (const text of texts) {
    const times = read.filter(({ body }) => body === text).length;
    if (times !== 1) throw new Error(`'${text}' was read ${times} times`);
  }
};

const sealedOnServer = async (reader: Talker, roomId: string, count: number): Promise<void> => {
  const events = await roomEvents(reader.account, roomId);
  demand(match(events.length, count, 'the number of events on the server'));
  for (const event of events)
    demand(match(event, { type: 'm.room.encrypted', content: { algorithm } }, 'an event'));
};

const manyAtOnce = async (alice: Talker, bob: Talker, roomId: string): Promise<string> => {
  const texts = (name: string) => Array.from({ length: 5 }, (_, i) => `${name} at once ${i}`);
  const [ofAlice, ofBob] = [texts('alice'), texts('bob')];
  const sendAll = ({ client }: Talker, all: readonly string[]) =>
    all.map((text) => client.room(roomId).send(text));
  await Promise.all([...sendAll(alice, ofAlice), ...sendAll(bob, ofBob)]);
  for (const text of ofAlice) await bob.reads(text);
  for (const text of ofBob) await alice.reads(text);
  demandOnce(bob.read, ofAlice);
  demandOnce(alice.read, ofBob);
  return `${ofAlice.length + ofBob.length} messages`;
};

/** Somebody copies all that bob's device has, and sees everything that the server sees from then on. */
const stealAndHeal = async (
  alice: Talker,
  bob: Talker,
  roomId: string,
  folder: string,
): Promise<string> => {
  await bob.stop();
  const copy = { ...bob.store, file: join(folder, 'stolen.store') };
  await copyFile(bob.store.file, copy.file);
  await bob.start();
  const thief = openStolenDevice(copy);
  try {
    const overheard = async (speaker: Talker, listener: Talker, text: string) => {
      await speaker.client.room(roomId).send(text);
      await listener.reads(text);
      const event = (await roomEvents(speaker.account, roomId)).at(-1);
      if (!event) throw new Error('the server has no event');
      return (await thief.reads(roomId, event)) === text;
    };
    if (!(await overheard(alice, bob, 'while the key is stolen')))
      throw new Error('the copy of the device reads nothing at all: this would prove nothing');
    for (const round of [1, 2]) {
      await overheard(bob, alice, `bob answers ${round}`);
      await overheard(alice, bob, `alice answers ${round}`);
    }
    for (const text of ['healed', 'and stays so'])
      if (await overheard(alice, bob, text)) throw new Error(`the thief reads '${text}'`);
    return 'the copy read the next message, and none after two exchanges in both directions';
  } finally {
    await thief.close();
  }
};

export const dmE2ee = check({
  id: 'dm-e2ee',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob'], async ([alice, bob], { folder }) => {
      const { id } = await alice.client.directRoom(bob.userId);
      await bob.enters(id);
      const say = ({ client }: Talker, text: string) => client.room(id).send(text);

      await step('what one writes the other reads, and the server has ciphertext', async () => {
        await say(alice, 'a question');
        demand(match(await bob.reads('a question'), { sender: alice.userId, encrypted: true }));
        await say(bob, 'an answer');
        demand(match(await alice.reads('an answer'), { sender: bob.userId, encrypted: true }));
        await sealedOnServer(alice, id, 2);
        return `2 events of ${algorithm}`;
      });

      await step('both may write at once; every message is read once', () =>
        manyAtOnce(alice, bob, id),
      );

      await step('who was away reads it all when they come back, each message once', async () => {
        await bob.stop();
        const texts = ['while bob was away 1', 'while bob was away 2', 'while bob was away 3'];
        for (const text of texts) await say(alice, text);
        await bob.start();
        for (const text of texts) await bob.reads(text);
        demandOnce(bob.read, texts);
        await say(bob, 'bob is back');
        await alice.reads('bob is back');
        return `${texts.length} messages`;
      });

      await step('a session goes on after a restart of the device', async () => {
        await alice.stop();
        await alice.start();
        await say(alice, 'after a restart');
        await bob.reads('after a restart');
        demandOnce(bob.read, ['after a restart']);
        const states = bob.client
          .room(id)
          .timeline()
          .map(({ state }) => state);
        demand(match(new Set(states).size, 1, 'the number of states of messages'));
        return 'from the stored session';
      });

      await step('who copied a device can soon read along no more', () =>
        stealAndHeal(alice, bob, id, folder),
      );
    }),
});
