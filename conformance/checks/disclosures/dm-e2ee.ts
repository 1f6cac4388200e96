import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';
import { roomEvents } from '../../room-events.ts';

const algorithm = 'dev.candor.signal.pqxdh.v1';

/** Every text is read exactly once. */
const demandOnce = (read: readonly { readonly body: string }[], texts: readonly string[]): void => {
  for (const text of texts) {
    const times = read.filter(({ body }) => body === text).length;
    if (times !== 1) throw new Error(`'${text}' was read ${times} times`);
  }
};

export const dmE2ee = check({
  id: 'dm-e2ee',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob'], async ([alice, bob]) => {
      const room = await alice.client.directRoom(bob.userId);
      const bobs = await bob.enters(room.id);

      await step(
        'what one writes the other reads, and the server has ciphertext of PQXDH',
        async () => {
          await room.send('a question');
          demand(
            match(await bob.reads('a question'), { sender: alice.userId, encrypted: true }, 'it'),
          );
          await bobs.send('an answer');
          demand(
            match(await alice.reads('an answer'), { sender: bob.userId, encrypted: true }, 'it'),
          );
          const events = await roomEvents(alice.account, room.id);
          if (events.length !== 2) throw new Error(`the server has ${events.length} events, not 2`);
          for (const event of events)
            demand(match(event, { type: 'm.room.encrypted', content: { algorithm } }, 'an event'));
          return `${events.length} events of ${algorithm}`;
        },
      );

      await step('both may write at once; every message is read once', async () => {
        const texts = Array.from({ length: 5 }, (_, i) => [
          `alice at once ${i}`,
          `bob at once ${i}`,
        ]);
        await Promise.all(
          texts.flatMap(([ofAlice = '', ofBob = '']) => [room.send(ofAlice), bobs.send(ofBob)]),
        );
        for (const [ofAlice = '', ofBob = ''] of texts)
          await Promise.all([bob.reads(ofAlice), alice.reads(ofBob)]);
        demandOnce(
          bob.read,
          texts.map(([one = '']) => one),
        );
        demandOnce(
          alice.read,
          texts.map(([, one = '']) => one),
        );
        return `${texts.length * 2} messages`;
      });

      await step('who was away reads it all when they come back, each message once', async () => {
        await bob.stop();
        const texts = ['while bob was away 1', 'while bob was away 2', 'while bob was away 3'];
        for (const text of texts) await room.send(text);
        await bob.start();
        for (const text of texts) await bob.reads(text);
        demandOnce(bob.read, texts);
        await bob.client.room(room.id).send('bob is back');
        await alice.reads('bob is back');
        return `${texts.length} messages`;
      });

      await step('a session goes on after a restart of the device', async () => {
        await alice.stop();
        await alice.start();
        await alice.client.room(room.id).send('after a restart');
        await bob.reads('after a restart');
        demandOnce(bob.read, ['after a restart']);
        const refused = bob.client
          .room(room.id)
          .timeline()
          .filter(({ state }) => state !== 'readable');
        demand(match(refused, [], 'what bob cannot read'));
        return 'from the stored session';
      });
    }),
});
