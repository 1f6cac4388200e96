import { clientServer } from '@candor/spec';
import { callOperation } from '../../call-operation.ts';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { waitUntil } from '../../interop/wait-until.ts';
import { match } from '../../match.ts';
import { roomEvents, type ServerEvent } from '../../room-events.ts';
import type { Talker } from '../../talker.ts';

const algorithm = 'dev.candor.signal.senderkey.v1';
const messagesPerKeyMax = 100;

const distributionOf = ({ content }: ServerEvent): string => String(content['distribution_id']);

/** The event that carries the last message. */
const lastEvent = async ({ account }: Talker, roomId: string): Promise<ServerEvent> => {
  const event = (await roomEvents(account, roomId)).at(-1);
  demand(match(event, { type: 'm.room.encrypted', content: { algorithm } }, 'the event'));
  if (!event) throw new Error('the server has no event');
  return event;
};

/** Resolves once the homeserver of somebody whose device is away has heard that a user is out. */
const hearsOfLeave = ({ account, name }: Talker, roomId: string, userId: string) =>
  waitUntil(`the homeserver of ${name} to hear of the leave`, async () => {
    const request = { params: { roomId } };
    const { joined } = await callOperation(account, clientServer.getJoinedMembersByRoom, request);
    return !(userId in joined);
  });

/** Carol is removed while bob is away; what he writes after he is back is under another key than before. */
const removeWhileAway = async (
  alice: Talker,
  bob: Talker,
  carol: Talker,
  roomId: string,
): Promise<string> => {
  const of = ({ client }: Talker) => client.room(roomId);
  await of(bob).send('bob, with carol');
  await Promise.all([alice.reads('bob, with carol'), carol.reads('bob, with carol')]);
  const before = distributionOf(await lastEvent(alice, roomId));
  await bob.stop();
  await of(alice).kick(carol.userId);
  await alice.sees(roomId, carol.userId, 'leave');
  await hearsOfLeave(bob, roomId, carol.userId);
  await bob.start();
  // His server may hear of it later than he comes back.
  await bob.sees(roomId, carol.userId, 'leave');
  await of(bob).send('bob, without carol');
  await alice.reads('bob, without carol');
  const after = distributionOf(await lastEvent(alice, roomId));
  if (after === before) throw new Error('the key is still the one that carol has');
  const heard = carol.read.some(({ body }) => body === 'bob, without carol');
  if (heard) throw new Error('carol read it');
  await of(alice).invite(carol.userId);
  await carol.enters(roomId);
  await alice.sees(roomId, carol.userId, 'join');
  return `distribution ${before} became ${after}`;
};

const useUpKey = async (alice: Talker, bob: Talker, roomId: string): Promise<string> => {
  const texts = Array.from({ length: messagesPerKeyMax + 2 }, (_, i) => `message ${i}`);
  for (const text of texts) await alice.client.room(roomId).send(text);
  await bob.reads(texts.at(-1) ?? '');
  const counts = new Map<string, number>();
  for (const event of await roomEvents(alice.account, roomId))
    if (event.sender === alice.userId)
      counts.set(distributionOf(event), (counts.get(distributionOf(event)) ?? 0) + 1);
  const most = Math.max(...counts.values());
  if (most > messagesPerKeyMax) throw new Error(`${most} messages under one key`);
  return `${counts.size} keys, at most ${most} messages under one`;
};

export const groupE2ee = check({
  id: 'group-e2ee',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob', 'carol'], async ([alice, bob, carol], cast) => {
      const room = await alice.client.createGroup({ invite: [bob.userId, carol.userId] });
      await bob.enters(room.id);
      const carols = await carol.enters(room.id);

      await step(
        'every member reads every other, and the server has ciphertext of Sender Keys',
        async () => {
          await room.send('to all');
          await Promise.all([bob.reads('to all'), carol.reads('to all')]);
          await carols.send('from carol');
          await Promise.all([alice.reads('from carol'), bob.reads('from carol')]);
          const events = await roomEvents(alice.account, room.id);
          if (events.length !== 2) throw new Error(`the server has ${events.length} events, not 2`);
          for (const event of events)
            demand(match(event, { type: 'm.room.encrypted', content: { algorithm } }, 'an event'));
          return `${events.length} events of ${algorithm}`;
        },
      );

      await step('a new member reads what comes, and nothing of what was before', async () => {
        const dave = await cast.enter('dave', 1);
        await room.invite(dave.userId);
        const daves = await dave.enters(room.id);
        await alice.sees(room.id, dave.userId, 'join');
        await room.send('for dave too');
        await dave.reads('for dave too');
        while (await daves.loadEarlier());
        const readable = daves.timeline().filter(({ state }) => state === 'readable');
        demand(
          match(
            readable.map(({ body }) => body),
            ['for dave too'],
            'what dave reads',
          ),
        );
        return `of ${daves.timeline().length} messages that dave finds one is readable`;
      });

      await step('a member who was away when another was removed changes the key as well', () =>
        removeWhileAway(alice, bob, carol, room.id),
      );

      await step('the key is changed when a member is removed, who reads on no more', async () => {
        await room.send('with carol again');
        await carol.reads('with carol again');
        const before = distributionOf(await lastEvent(alice, room.id));
        await room.kick(carol.userId);
        await alice.sees(room.id, carol.userId, 'leave');
        await room.send('without carol');
        await bob.reads('without carol');
        const after = distributionOf(await lastEvent(alice, room.id));
        if (after === before) throw new Error('the key is still the one that carol has');
        const heard = carol.read.some(({ body }) => body === 'without carol');
        if (heard) throw new Error('carol read it');
        return `distribution ${before} became ${after}`;
      });

      await step('the key is changed after 100 messages', () => useUpKey(alice, bob, room.id));
    }),
});
