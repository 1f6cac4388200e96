import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';
import type { Talker } from '../../talker.ts';

const sixtyDigits = /^\d{60}$/;

/** The safety number that one sees of another. */
const numberOf = (viewer: Talker, viewed: Talker) => {
  const number = viewer.client.safetyNumber(viewed.userId);
  if (!number) throw new Error(`${viewer.name} has no safety number of ${viewed.name}`);
  return number;
};

const demandSame = (one: Talker, two: Talker): string => {
  const [here, there] = [numberOf(one, two), numberOf(two, one)];
  demand(match(here.digits, sixtyDigits, `the number of ${one.name} and ${two.name}`));
  demand(match(there.digits, here.digits, `what ${two.name} sees`));
  if (!here.matches(there.scannable) || !there.matches(here.scannable))
    throw new Error(`the QR codes of ${one.name} and ${two.name} do not match`);
  return here.digits;
};

export const fingerprint = check({
  id: 'fingerprint',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob', 'carol'], async ([alice, bob, carol]) => {
      await step('a direct conversation has one, the same on both sides', async () => {
        const room = await alice.client.directRoom(bob.userId);
        await bob.enters(room.id);
        await room.send('hello');
        await bob.reads('hello');
        return `${alice.userId} and ${bob.userId}: ${demandSame(alice, bob)}`;
      });

      await step('so has every pair of a group, and each has its own', async () => {
        const room = await alice.client.createGroup({ invite: [bob.userId, carol.userId] });
        await bob.enters(room.id);
        const carols = await carol.enters(room.id);
        await room.send('to the group');
        await Promise.all([bob.reads('to the group'), carol.reads('to the group')]);
        await carols.send('and back');
        await Promise.all([alice.reads('and back'), bob.reads('and back')]);
        const numbers = [demandSame(alice, bob), demandSame(alice, carol), demandSame(bob, carol)];
        if (new Set(numbers).size !== 3) throw new Error('two pairs have the same number');
        if (numberOf(alice, bob).matches(numberOf(carol, alice).scannable))
          throw new Error('the QR code of another pair matches');
        return `${numbers.length} pairs`;
      });
    }),
});
