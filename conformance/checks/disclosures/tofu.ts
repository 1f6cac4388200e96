import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';
import { roomEvents } from '../../room-events.ts';
import { signInTalker, type Talker } from '../../talker.ts';

/** Sends and demands that it is refused before anything reaches the server. */
const demandBlocked = async (talker: Talker, roomId: string): Promise<string> => {
  const before = (await roomEvents(talker.account, roomId)).length;
  const outcome = await talker.client
    .room(roomId)
    .send('must not go out')
    .then(
      () => 'it was sent',
      (error: Error) => `${error.message}`,
    );
  const sent = (await roomEvents(talker.account, roomId)).length - before;
  if (sent !== 0 || outcome === 'it was sent') throw new Error(`${outcome} (${sent} events)`);
  return outcome;
};

export const tofu = check({
  id: 'tofu',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob'], async ([alice, bob], { folder }) => {
      const direct = await alice.client.directRoom(bob.userId);
      const group = await alice.client.createGroup({ invite: [bob.userId] });
      await bob.enters(direct.id);
      await bob.enters(group.id);

      await step('the first key is trusted', async () => {
        for (const { id } of [direct, group]) {
          await alice.client.room(id).send(`first words ${id}`);
          await bob.reads(`first words ${id}`);
        }
        demand(match(alice.client.trustOf(bob.userId), 'pinned', "alice's trust in bob"));
        demand(match(alice.client.warnings(), [], 'warnings'));
        return 'pinned at the first message, without a warning';
      });

      const numberBefore = alice.client.safetyNumber(bob.userId)?.digits;
      await bob.stop();
      const another = { name: 'bob-anew', folder, resetIdentity: true };
      const bobAnew = await signInTalker(bob.account, another);
      try {
        await step('a changed key gives a warning and another safety number', async () => {
          await alice.isWarned();
          demand(
            match(
              alice.client.warnings(),
              [{ userId: bob.userId, kind: 'identity-changed' }],
              'warnings',
            ),
          );
          demand(match(alice.client.trustOf(bob.userId), 'changed', "alice's trust in bob"));
          if (alice.client.safetyNumber(bob.userId)?.digits === numberBefore)
            throw new Error('the safety number is still the same');
          return 'identity-changed';
        });

        await step('nothing is sent until it is dealt with, in direct rooms and groups', async () =>
          [await demandBlocked(alice, direct.id), await demandBlocked(alice, group.id)].join('\n'),
        );

        await step('warning and block survive a restart', async () => {
          await alice.stop();
          await alice.start();
          demand(
            match(
              alice.client.warnings(),
              [{ userId: bob.userId, kind: 'identity-changed' }],
              'warnings',
            ),
          );
          return demandBlocked(alice, direct.id);
        });

        await step('once it is acknowledged, messages reach the new device', async () => {
          demand(match(await alice.client.acknowledge(bob.userId), true, 'the acknowledgement'));
          for (const { id } of [direct, group]) {
            await alice.client.room(id).send(`to the new key ${id}`);
            await bobAnew.reads(`to the new key ${id}`);
          }
          demand(match(alice.client.warnings(), [], 'warnings'));
          return 'read by the new device in both rooms';
        });
      } finally {
        await bobAnew.stop();
      }
    }),
});
