import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startDeployment } from '../deployment.ts';
import { tellArchiveStory } from './archive-story.ts';
import { tellEncryptedStory } from './encrypted-story.ts';
import { installSynapse } from './install-synapse.ts';
import { startSdkClient } from './js-sdk-client.ts';
import { asPerson } from './person.ts';
import { tellRoomStories } from './room-stories.ts';
import { tellServerStories } from './server-stories.ts';
import { tellSplitStories } from './split-stories.ts';
import { startSynapse } from './synapse.ts';

const runMsMax = 600_000;
t.setTimeout(runMsMax + 200_000);

const installed = await installSynapse();

/** What either server says of trouble. */
const complaint = / (WARNING|ERROR) |"level":"(warn|error|fatal)"/;

const startPair = async (t: Test, python: string) => {
  const ours = await startDeployment({ size: 1 });
  t.teardown(ours.stop);
  const { authority, folder, servers } = ours;
  const [candor] = servers;
  const synapse = await startSynapse({ python, folder: join(folder, 'synapse'), authority });
  t.teardown(synapse.stop);
  t.teardown(async () => {
    if (t.passing()) return;
    const said = [...(await synapse.logs()).split('\n'), ...(await candor.logs()).split('\n')];
    t.comment(said.filter((line) => complaint.test(line)).join('\n'));
  });
  const alice = asPerson(await candor.register('alice'));
  const bob = asPerson(await synapse.register('bob'));
  return { candor, synapse, alice, bob };
};

if ('missing' in installed) {
  t.pass('with a Synapse', { skip: `it cannot be installed here: ${installed.missing}` });
} else {
  await t.test('with a Synapse', { timeout: runMsMax }, async (t) => {
    const { candor, synapse, alice, bob } = await startPair(t, installed.python);

    for (const version of ['10', '11', '12']) {
      await t.test(`rooms of version ${version} made on Candor`, async (t) => {
        await tellRoomStories(t, { maker: alice, guest: bob, version });
      });
      await t.test(`rooms of version ${version} made on Synapse`, async (t) => {
        await tellRoomStories(t, { maker: bob, guest: alice, version });
      });
    }

    const roomId = await alice.createRoom({
      preset: 'trusted_private_chat',
      invite: [bob.userId],
    });
    await bob.untilSynced('the invite', (sync) => sync.rooms?.invite?.[roomId]);
    await bob.act(roomId, '/join');

    await t.test('what Candor tells Synapse', (t) =>
      tellServerStories(t, { teller: alice, listener: bob, roomId }),
    );
    await t.test('what Synapse tells Candor', (t) =>
      tellServerStories(t, { teller: bob, listener: alice, roomId }),
    );

    const carol = await startSdkClient(await candor.register('carol'));
    t.teardown(carol.stop);
    const dave = await startSdkClient(await synapse.register('dave'));
    t.teardown(dave.stop);
    await t.test('matrix-js-sdk on both reads Megolm in a room made on Candor', (t) =>
      tellEncryptedStory(t, carol, dave),
    );
    await t.test('matrix-js-sdk on both reads Megolm in a room made on Synapse', (t) =>
      tellEncryptedStory(t, dave, carol),
    );

    await t.test('an archive of our SDK on Synapse', async (t) => {
      await tellArchiveStory(t, await synapse.register('erin'), await candor.register('frank'));
    });

    await tellSplitStories(t, [
      { name: 'Candor', server: candor, person: alice },
      { name: 'Synapse', server: synapse, person: bob },
    ]);
  });
}

// matrix-js-sdk leaves timers of minutes behind, which would keep the process.
t.end();
process.exit(t.passing() ? 0 : 1);
