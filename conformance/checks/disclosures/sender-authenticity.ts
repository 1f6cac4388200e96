import { forgeGroupMessage } from '@candor/client-sdk/testing';
import { clientServer } from '@candor/spec';
import { callOperation } from '../../call-operation.ts';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';
import { roomEvents, type ServerEvent } from '../../room-events.ts';
import type { Talker } from '../../talker.ts';

type Content = ServerEvent['content'];

/**
 * Puts an event into a room in somebody's name without their device: what their homeserver can do, and nobody else. It
 * is signed and sent to the other servers like any other.
 */
const putInNameOf = async ({ account }: Talker, roomId: string, body: Content): Promise<string> => {
  const params = { roomId, eventType: 'm.room.encrypted', txnId: `put-${Math.random()}` };
  return (await callOperation(account, clientServer.sendMessage, { params, body })).event_id;
};

const lastContent = async ({ account }: Talker, roomId: string): Promise<Content> => {
  const { content } = (await roomEvents(account, roomId)).at(-1) ?? {};
  if (!content) throw new Error('the server has no event');
  return content;
};

/** The ciphertext with one bit of it changed. */
const changed = (content: Content, at: (length: number) => number): Content => {
  const bytes = Buffer.from(String(content['ciphertext']), 'base64');
  const place = at(bytes.length);
  bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  return { ...content, ciphertext: bytes.toString('base64').replace(/=+$/, '') };
};

/** Every one of these people is shown the event as refused. */
const demandRefused = async (
  eventId: string,
  readers: readonly Talker[],
  reason: string,
): Promise<void> => {
  for (const reader of readers) {
    const shown = await reader.cannotRead(eventId);
    const expected = { state: 'refused', reason, content: null, body: '' };
    demand(match(shown, expected, `what ${reader.name} is shown`));
  }
};

export const senderAuthenticity = check({
  id: 'sender-authenticity',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob', 'carol'], async ([alice, bob, carol]) => {
      const others = [bob, carol];
      const openGroup = async () => {
        const room = await alice.client.createGroup({ invite: others.map((one) => one.userId) });
        for (const one of others) await one.enters(room.id);
        for (const one of others) await alice.sees(room.id, one.userId, 'join');
        return room;
      };
      const [group, elsewhere] = [await openGroup(), await openGroup()];
      const truth = ['what alice says', 'what alice says then'];
      await group.send('what alice says');
      for (const one of others) await one.reads('what alice says');
      const genuine = await lastContent(alice, group.id);

      await step('what a server changes in a message is refused', async () => {
        const places = [() => 40, (length: number) => length >> 1, (length: number) => length - 1];
        for (const place of places) {
          const eventId = await putInNameOf(alice, group.id, changed(genuine, place));
          await demandRefused(eventId, others, 'forged');
        }
        return `${places.length} places in the ciphertext, for a reader on each server`;
      });

      await step('what a server repeats, or moves to another room, is refused', async () => {
        await demandRefused(await putInNameOf(alice, group.id, genuine), others, 'replayed');
        await demandRefused(await putInNameOf(alice, elsewhere.id, genuine), others, 'wrong-room');
        return 'the same ciphertext once more, and in another group of the same people';
      });

      await step('what a member writes with the key of another is refused', async () => {
        await carol.stop();
        const forged = await forgeGroupMessage(carol.store, {
          ...{ v: 1, room_id: group.id, txn_id: 'forged' },
          sender: alice.userId,
          sender_device: alice.client.deviceId,
          distribution_id: String(genuine['distribution_id']),
          type: 'm.room.message',
          content: { msgtype: 'm.text', body: 'what alice never said' },
        });
        await carol.start();
        // Carol's own device is no better off than bob's.
        await demandRefused(await putInNameOf(alice, group.id, forged), others, 'forged');
        return "carol has alice's chain key, and signed with a key of her own";
      });

      await step('of all this nobody has read anything but what alice said', async () => {
        await group.send('what alice says then');
        for (const one of others) {
          await one.reads('what alice says then');
          const read = one.read.filter(({ sender }) => sender === alice.userId);
          demand(
            match(
              read.map(({ body }) => body),
              truth,
              `what ${one.name} read`,
            ),
          );
        }
        return `${truth.length} messages, each once`;
      });
    }),
});
