import { Candor } from '@candor/client-sdk';
import { clientServer } from '@candor/spec';
import type { Test } from 'tap';
import type { Account } from '../register-account.ts';
import { waitUntil } from './wait-until.ts';

const signIn = async (t: Test, { url, userId, password }: Account): Promise<Candor> => {
  const client = await Candor.login({ homeserver: url, user: userId, password, store: 'memory' });
  t.teardown(() => client.stop());
  client.on('invite', (roomId) => {
    client.room(roomId).join().catch(t.error);
  });
  await client.start();
  return client;
};

const reads = (client: Candor, roomId: string, text: string) =>
  waitUntil(`${client.userId} to read '${text}'`, () =>
    client
      .room(roomId)
      .timeline()
      .find(({ body }) => body === text),
  );

/** The first person's next device gets keys and history back from their homeserver, whichever that is. */
export const tellArchiveStory = async (t: Test, of: Account, other: Account): Promise<void> => {
  const [owner, friend] = [await signIn(t, of), await signIn(t, other)];
  const room = await owner.directRoom(friend.userId);
  await waitUntil('the join', () => room.members().get(friend.userId) === 'join');
  await room.send('a question');
  await reads(friend, room.id, 'a question');
  await friend.room(room.id).send('an answer');
  await reads(owner, room.id, 'an answer');
  const slip = await room.send('a slip');
  const written = await owner.recovery.create();
  const { archive } = owner.recovery;
  await archive.enable();
  await archive.flush();
  const count = async () => (await owner.call(clientServer.getRoomKeysVersionCurrent, {})).count;
  t.equal(await count(), 3);
  await room.redact(slip.eventId);
  await waitUntil('the redaction', () => !room.timeline().some(({ body }) => body === 'a slip'));
  await archive.flush();
  t.equal(await count(), 2, 'what was redacted is gone');

  const next = await signIn(t, of);
  t.same(await next.recovery.unlock(written), { identity: true, archive: true });
  await next.recovery.archive.restore();
  for (const text of ['a question', 'an answer']) {
    t.match(await reads(next, room.id, text), { restored: true });
  }
  await owner.recovery.archive.disable();
  const gone = await count().catch((error: unknown) => error);
  t.match(gone, { errcode: 'M_NOT_FOUND' });
  await next.room(room.id).send('one more');
  await next.recovery.archive.flush();
  t.equal(next.recovery.archive.state, 'deleted');
};
