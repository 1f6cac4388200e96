import { clientServer } from '@candor/spec';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';
import { type Lie, startLyingProxy } from '../../peer/lying-proxy.ts';
import { signInTalker, type Talker } from '../../talker.ts';

const theirKey = 'A'.repeat(43);

/** Another public key in the description of every archive. */
const swapKey: Lie = ({ method, path }, { status, json }) => {
  const answer = json as { auth_data?: object };
  if (method !== 'GET' || !path.endsWith('/room_keys/version')) return undefined;
  return { status, json: { ...answer, auth_data: { ...answer.auth_data, public_key: theirKey } } };
};

/** Everything that was said in a room, as a device shows it. */
const shown = ({ client }: Talker, roomId: string): string[] =>
  client
    .room(roomId)
    .timeline()
    .filter(({ restored }) => restored)
    .map(({ body }) => body);

export const archive = check({
  id: 'archive',
  run: async ({ subject, step }) => {
    await step(
      'a new device reads what was said before, with the recovery key and not without',
      () =>
        withPeople(subject, ['alice', 'bob'], async ([alice, bob], { folder }) => {
          const room = await alice.client.directRoom(bob.userId);
          await bob.enters(room.id);
          await room.send('said by alice');
          await bob.reads('said by alice');
          await bob.client.room(room.id).send('said by bob');
          await alice.reads('said by bob');
          const written = await alice.client.recovery.create();
          await alice.client.recovery.archive.enable();
          await alice.client.recovery.archive.flush();
          await alice.stop();
          const next = await signInTalker(alice.account, { name: 'next', folder });
          try {
            const wrong = await next.client.recovery
              .unlock('wrong')
              .catch((error: unknown) => error);
            demand(match(wrong, { code: 'wrong-recovery-key' }, 'the answer to a wrong key'));
            const recovered = await next.client.recovery.unlock(written);
            demand(match(recovered, { identity: true, archive: true }, 'what the key opens'));
            await next.client.recovery.archive.restore();
            demand(match(shown(next, room.id), ['said by alice', 'said by bob'], 'the history'));
          } finally {
            await next.stop();
          }
        }).then(() => 'two messages of two people, marked as restored'),
    );

    await step('a server that exchanges the key of an archive gets nothing', () =>
      withPeople(subject, [], async (_, { folder }) => {
        const account = await subject.register('alice');
        const proxy = await startLyingProxy(account.url);
        proxy.lie = (question, answer) =>
          question.path.endsWith('/versions') ? swapKey(question, answer) : undefined;
        const alice = await signInTalker({ ...account, url: proxy.url }, { name: 'alice', folder });
        try {
          await alice.client.recovery.create();
          await alice.client.recovery.archive.enable();
          await alice.client.recovery.archive.flush();
          await alice.stop();
          proxy.lie = swapKey;
          await alice.start();
          await alice.isWarned();
          const room = await alice.client.createGroup();
          await alice.enters(room.id);
          await room.send('after the exchange');
          await alice.client.recovery.archive.flush();
          demand(match(alice.client.recovery.archive.state, 'untrusted', 'the archive'));
          const uploads = proxy.asked.filter(
            ({ method, path }) => method === 'PUT' && path.includes('/room_keys/keys'),
          );
          demand(match(uploads.length, 0, 'the number of uploads'));
          proxy.lie = undefined;
          const { count } = await alice.client.call(clientServer.getRoomKeysVersionCurrent, {});
          demand(match(count, 0, 'the number of archived messages'));
        } finally {
          await alice.stop();
          await proxy.close();
        }
      }).then(() => 'the SDK stopped, warned, and sealed nothing'),
    );
  },
});
