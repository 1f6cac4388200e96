import { execFile } from 'node:child_process';
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { Overlay } from '../stores/overlay.ts';
import { crowd } from '../testing/crowd.ts';
import type { Phone } from '../testing/phone.ts';
import { testWorld } from '../testing/world.ts';
import { loadDeviceIdentity } from './device-identity.ts';
import { FanOut } from './fan-out.ts';
import { SignalEngine } from './signal-engine.ts';

const size = 150;

/** A phone in a group of many, with its engine's thread at hand. */
const inCrowd = async (t: Test, program?: string) => {
  const { office, phone, room } = testWorld();
  const [alice, bob] = [await phone('alice').setUp(), await phone('bob').setUp()];
  const { store, userId, deviceId } = alice;
  const identity = store.transaction((tx) => loadDeviceIdentity(tx, userId, deviceId));
  const fanOut = new FanOut(identity, program === undefined ? undefined : new URL(program));
  t.teardown(() => fanOut.close());
  const now = () => alice.clock.ms;
  alice.engine = new SignalEngine({ store, userId, deviceId, now, fanOut });
  const group = room(false, alice, bob);
  group.members.push(...crowd(office, size));
  return { alice, bob, group, fanOut };
};

/** Learns who is in a group, without sessions. */
const meet = async (phone: Phone, members: readonly string[]): Promise<void> => {
  for (const userId of members) await phone.engine.wantKeysOf(userId);
  await phone.settle();
};

t.test('the thread prepares a message for many, and who it is for can read it', async (t) => {
  const { alice, bob, group, fanOut } = await inCrowd(t);
  t.ok(await fanOut.begin());
  await alice.say(group, 'to all of you');
  await bob.sync();
  t.same(bob.texts(group), ['to all of you']);
  t.equal(alice.store.count('sessions'), size + 1);
  t.equal(alice.store.count('senderKeyRecipients'), size + 1);
  t.equal(alice.store.count('toDeviceOutbox'), 0);
  // The sessions go on from where the thread left them.
  await bob.say(group, 'thanks');
  await alice.sync();
  group.members.pop();
  await alice.say(group, 'to all but one');
  await bob.sync();
  t.same(bob.texts(group), ['to all of you', 'thanks', 'to all but one']);
  t.equal(alice.store.count('senderKeyEpochs'), 2);
});

t.test('a message to very many devices of two users travels as parts', async (t) => {
  const { alice, bob, group, fanOut } = await inCrowd(t);
  t.ok(await fanOut.begin());
  const talk = { ...group, direct: true };
  await alice.say(talk, 'in parts');
  await bob.sync();
  t.same(bob.texts(talk), ['in parts']);
});

t.test('the thread finds the same in an answer as is found here', async (t) => {
  const { alice, bob, group } = await inCrowd(t);
  const here = await inCrowd(t);
  here.alice.office.users.clear();
  for (const [userId, user] of alice.office.users) here.alice.office.users.set(userId, user);
  const broken = alice.office.users.get(group.members[5] ?? '')?.crossSigning;
  broken?.set('self_signing_key', { user_id: group.members[5] ?? '' });
  const devicesSeen = async (phone: Phone) => {
    await meet(phone, group.members);
    return phone.store.all('devices', { orderBy: 'address' }).filter(({ userId }) => {
      return userId !== phone.userId && userId !== bob.userId;
    });
  };
  const inThread = devicesSeen(alice);
  t.same(await inThread, await devicesSeen(here.alice));
  t.equal((await inThread).filter(({ signedBy }) => signedBy === null).length, 1);
});

t.test('a thread that breaks down is an error of that send, which can be made again', async (t) => {
  const program =
    'data:text/javascript,import{parentPort as p}from"node:worker_threads";p.on("message",()=>process.exit(3));p.postMessage("ready")';
  const { alice, bob, group, fanOut } = await inCrowd(t, program);
  await meet(alice, group.members);
  t.ok(await fanOut.begin());
  const sessions = alice.store.count('sessions');
  await t.rejects(alice.say(group, 'lost'), /thread .* ended/);
  t.equal(alice.store.count('sessions'), sessions);
  // Until there is another thread the work is done here.
  await alice.say(group, 'found');
  await bob.sync();
  t.same(bob.texts(group), ['found']);
});

t.test('a task that comes while the thread ends is done here', async (t) => {
  const { alice, group, fanOut } = await inCrowd(t);
  t.ok(await fanOut.begin());
  const { store, userId, deviceId } = alice;
  const identity = store.transaction((tx) => loadDeviceIdentity(tx, userId, deviceId));
  const entries = group.members.map((member) => ({ userId: member, selfSigningKey: null }));
  const context = { identity, now: () => alice.clock.ms };
  const ended = fanOut.close();
  const task = { entries, answer: {} };
  const read = await fanOut.run('readUsers', new Overlay(store), context, task);
  t.equal(read.length, group.members.length);
  await ended;
  t.ok(await fanOut.begin(), 'and there may be another');
});

t.test('without its program everything is done here', async (t) => {
  const { alice, bob, group, fanOut } = await inCrowd(t, 'file:///nowhere/thread.js');
  t.notOk(await fanOut.begin());
  await alice.say(group, 'hello');
  await bob.sync();
  t.same(bob.texts(group), ['hello']);
  t.notOk(await fanOut.begin(), 'and it is not tried again');
});

t.test('the thread is found beside the code when that was built as JavaScript', async (t) => {
  const here = join(import.meta.dirname, '..');
  const built = mkdtempSync(join(tmpdir(), 'candor-built-'));
  symlinkSync(join(here, '../node_modules'), join(built, 'node_modules'));
  writeFileSync(join(built, 'package.json'), '{"type":"module"}');
  for (const path of globSync('{signal,stores,verification}/**/*.ts', { cwd: here })) {
    if (path.endsWith('.test.ts')) continue;
    const source = stripTypeScriptTypes(readFileSync(join(here, path), 'utf8'));
    mkdirSync(dirname(join(built, path)), { recursive: true });
    writeFileSync(
      join(built, path.replace(/\.ts$/, '.js')),
      source.replace(/(from '\.[^']*)\.ts'/g, "$1.js'"),
    );
  }
  const at = (path: string) => JSON.stringify(pathToFileURL(join(built, path)));
  const program = `
    const { FanOut } = await import(${at('signal/fan-out.js')});
    const { loadDeviceIdentity } = await import(${at('signal/device-identity.js')});
    const { openMemoryStore } = await import(${at('stores/memory-store.js')});
    const identity = openMemoryStore().transaction((tx) => loadDeviceIdentity(tx, '@a:b', 'C'));
    const fanOut = new FanOut(identity);
    console.log(await fanOut.begin());`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    program,
  ]);
  t.equal(stdout.trim(), 'true', 'and it does not keep the process from ending');
});
