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

export const dmE2ee = check({
  id: 'dm-e2ee',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob'], async ([alice, bob]) => {
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
    }),
});
