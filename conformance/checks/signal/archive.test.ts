import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Candor, CandorError } from '@candor/client-sdk';
import { clientServer } from '@candor/spec';
import t, { type Test } from 'tap';
import { callOperation } from '../../call-operation.ts';
import { startDeployment } from '../../deployment.ts';
import { type Lie, type Question, startLyingProxy } from '../../peer/lying-proxy.ts';
import type { Account } from '../../register-account.ts';
import { type Person, personOf, type SignInOptions, signIn, waitFor } from './person.ts';

t.setTimeout(500_000);
const deployment = await startDeployment();
t.teardown(() => deployment.stop());
const [here, there] = [deployment.servers[0], deployment.other];
const folder = await mkdtemp(join(tmpdir(), 'candor-archive-'));
t.teardown(() => rm(folder, { recursive: true }));

let people = 0;
const account = (server: typeof here): Promise<Account> => {
  people += 1;
  return server.register(`archivist${people}`);
};

/** A device of an account, syncing. */
const device = async (t: Test, of: Account, options?: SignInOptions): Promise<Person> => {
  const one = await signIn(of, options);
  t.teardown(() => one.client.stop());
  await one.client.start();
  return one;
};

const joined = (one: Person, roomId: string, other: Person) =>
  waitFor(
    `${other.client.userId} to be in`,
    [one, other],
    () => one.client.room(roomId).members().get(other.client.userId) === 'join',
  );

/** Alice here and bob there, with a direct room and a group in which both spoke. */
const talked = async (t: Test) => {
  const [aliceAccount, bobAccount] = [await account(here), await account(there)];
  const [alice, bob] = [await device(t, aliceAccount), await device(t, bobAccount)];
  const direct = await alice.client.directRoom(bob.client.userId);
  const group = await alice.client.createGroup({ invite: [bob.client.userId] });
  for (const { id } of [direct, group]) {
    await joined(alice, id, bob);
    await alice.client.room(id).send(`alice in ${id}`);
    await bob.hears(`alice in ${id}`);
    await bob.client.room(id).send(`bob in ${id}`);
    await alice.hears(`bob in ${id}`);
  }
  return { aliceAccount, alice, bob, direct, group };
};

const said = (one: Person, roomId: string) =>
  one.client
    .room(roomId)
    .timeline()
    .filter(({ type }) => type === 'm.room.message')
    .map(({ body }) => body);

const inArchive = async ({ client }: Person): Promise<number> =>
  (await client.call(clientServer.getRoomKeysVersionCurrent, {})).count;

t.test('the recovery key brings a new device keys, identity and history', async (t) => {
  const { aliceAccount, alice, bob, direct, group } = await talked(t);
  t.equal(alice.client.recovery.archive.state, 'off');
  await t.rejects(alice.client.recovery.archive.enable(), { code: 'recovery-locked' });
  const written = await alice.client.recovery.create({ passphrase: 'horse battery' });
  t.match(written, /^E/);
  await t.rejects(alice.client.recovery.create(), { code: 'recovery-exists' });
  await alice.client.recovery.archive.enable();
  t.equal(alice.client.recovery.archive.state, 'on');
  await alice.client.recovery.archive.flush();
  t.equal(await inArchive(alice), 4);
  // Redacted messages leave the archive; an edit is a message of its own.
  const slip = await alice.client.room(direct.id).send('a slip');
  await alice.client.recovery.archive.flush();
  t.equal(await inArchive(alice), 5);
  await alice.client.room(direct.id).redact(slip.eventId);
  await waitFor('the redaction', [alice], () => !said(alice, direct.id).includes('a slip'));
  await alice.client.recovery.archive.flush();
  t.equal(await inArchive(alice), 4);
  const edit = {
    ...{ msgtype: 'm.text', body: '* alice in full' },
    'm.new_content': { msgtype: 'm.text', body: 'alice in full' },
    'm.relates_to': { rel_type: 'm.replace', event_id: slip.eventId },
  };
  await alice.client.room(group.id).sendEvent('m.room.message', edit);
  const regretted = await alice.client.room(group.id).send('regretted later');
  await alice.client.recovery.archive.flush();
  t.equal(await inArchive(alice), 6);
  await alice.client.stop();
  // By a session that knows nothing of the archive.
  const params = { roomId: group.id, eventId: regretted.eventId, txnId: 'regret' };
  await callOperation(aliceAccount, clientServer.redactEvent, { params, body: {} });

  const next = await device(t, aliceAccount);
  t.notMatch(said(next, direct.id), [`bob in ${direct.id}`]);
  for (const wrong of ['horse', written.replace(/.$/, 'x'), '']) {
    const error = await next.client.recovery.unlock(wrong).catch((one: unknown) => one);
    t.match(error, { code: 'wrong-recovery-key' });
    t.ok(error instanceof CandorError);
  }
  await t.rejects(next.client.recovery.archive.restore(), { code: 'archive-off' });
  const own = next.client.devicesOf(next.client.userId);
  t.notOk(own.find(({ deviceId }) => deviceId === next.client.deviceId)?.trusted);
  t.same(await next.client.recovery.unlock(written), { identity: true, archive: true });
  t.equal(await next.client.recovery.archive.restore(), 5);
  const shown = next.client.room(group.id).timeline();
  t.match(
    shown.find(({ body }) => body.startsWith('*')),
    { restored: true, content: edit },
  );
  await next.client.recovery.archive.flush();
  t.equal(await inArchive(next), 5, 'what was redacted meanwhile is forgotten by this device');
  for (const { id } of [direct, group]) {
    t.same(said(next, id).slice(0, 2), [`alice in ${id}`, `bob in ${id}`]);
    const [first] = next.client
      .room(id)
      .timeline()
      .filter(({ own }) => own);
    t.match(first, { restored: true, state: 'readable', encrypted: true });
  }
  t.equal(await inArchive(next), 5, 'what was restored is not put in again');

  // It speaks and hears as any device of alice, and what it hears is archived too.
  await next.client.room(group.id).send('from the new device');
  t.match(await bob.hears('from the new device'), { state: 'readable' });
  await bob.client.room(group.id).send('welcome back');
  t.match(await next.hears('welcome back'), { restored: false });
  await next.client.recovery.archive.flush();
  t.equal(await inArchive(next), 7);
});

t.test('a passphrase opens the recovery too, and paging back restores page by page', async (t) => {
  const { aliceAccount, alice, direct } = await talked(t);
  await alice.client.recovery.create({ passphrase: 'staple' });
  await alice.client.recovery.archive.enable();
  for (let i = 0; i < 60; i++) await alice.client.room(direct.id).send(`line ${i}`);
  await alice.client.recovery.archive.flush();
  await alice.client.stop();
  const next = await signIn(aliceAccount);
  t.teardown(() => next.client.stop());
  t.same(await next.client.recovery.unlock('staple'), { identity: true, archive: true });
  await next.client.start();
  const room = next.client.room(direct.id);
  t.equal(
    room.timeline(10).some(({ state }) => state === 'readable'),
    false,
  );
  while (await room.loadEarlier());
  const oldest = room.timeline(1_000).filter(({ state }) => state === 'readable');
  t.equal(oldest[0]?.body, `alice in ${direct.id}`);
  await next.client.recovery.archive.restore(direct.id);
  const texts = room.timeline(1_000).filter(({ type }) => type === 'm.room.message');
  t.equal(texts.length, 62);
  t.equal(texts.at(-1)?.body, 'line 59');
});

const isUpload = ({ method, path }: Question): boolean =>
  method === 'PUT' && path.includes('/room_keys/keys');
const refused = { status: 429, json: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1 } };

const proxied = async (t: Test) => {
  const proxy = await startLyingProxy(here.url);
  t.teardown(proxy.close);
  return proxy;
};

t.test('a crash between the upload and the note of it loses and doubles nothing', async (t) => {
  const proxy = await proxied(t);
  const of = await account(here);
  const store = { file: join(folder, 'crash.store'), passphrase: 'crash' };
  const one = await signIn(of, { store, url: proxy.url });
  await one.client.start();
  const group = await one.client.createGroup();
  await waitFor('the room', [one], () => one.client.rooms().length > 0);
  await one.client.recovery.create();
  for (let i = 0; i < 12; i++) await group.send(`line ${i}`);
  proxy.lie = (question) => (isUpload(question) ? refused : undefined);
  await one.client.recovery.archive.enable();
  const error = await one.client.recovery.archive.flush().catch((cause: unknown) => cause);
  t.match(error, { errcode: 'M_LIMIT_EXCEEDED' });
  await one.client.stop();

  const script = join(folder, 'crash.ts');
  const sdk = new URL('../../../client-sdk/index.ts', import.meta.url).href;
  await writeFile(
    script,
    `import { Candor } from ${JSON.stringify(sdk)};
     await Candor.open(${JSON.stringify(store)}).start();`,
  );
  let child: ChildProcess | undefined;
  let uploads = 0;
  proxy.lie = (question) => {
    if (!isUpload(question)) return undefined;
    // The server has it; the device dies before it hears so.
    uploads += 1;
    child?.kill('SIGKILL');
    return refused;
  };
  child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [, signal] = await once(child, 'exit');
  t.equal(signal, 'SIGKILL');
  t.equal(uploads, 1, 'twelve messages are one request');
  proxy.lie = undefined;

  const again = personOf(Candor.open(store));
  t.teardown(() => again.client.stop());
  t.equal(await inArchive(again), 12);
  await again.client.start();
  await again.client.recovery.archive.flush();
  t.equal(await inArchive(again), 12);
  const asked = proxy.asked.filter(isUpload).length;
  await again.client.recovery.archive.flush();
  t.equal(proxy.asked.filter(isUpload).length, asked, 'nothing is left to do');
});

t.test('a server that puts its own key in place gets nothing, and the user is told', async (t) => {
  const proxy = await proxied(t);
  const of = await account(here);
  const store = { file: join(folder, 'swap.store'), passphrase: 'swap' };
  const one = await signIn(of, { store, url: proxy.url });
  await one.client.start();
  const group = await one.client.createGroup();
  await waitFor('the room', [one], () => one.client.rooms().length > 0);
  const written = await one.client.recovery.create();
  await one.client.recovery.archive.enable();
  await group.send('before');
  await one.client.recovery.archive.flush();
  await one.client.stop();
  const uploadsBefore = proxy.asked.filter(isUpload).length;

  const theirs = 'A'.repeat(43);
  const swap: Lie = ({ method, path }, { status, json }) => {
    if (method !== 'GET' || !path.endsWith('/room_keys/version')) return undefined;
    const answer = json as { auth_data: object };
    return { status, json: { ...answer, auth_data: { ...answer.auth_data, public_key: theirs } } };
  };
  proxy.lie = swap;
  const again = personOf(Candor.open(store));
  t.teardown(() => again.client.stop());
  const warned = once(again.client, 'warning');
  await again.client.start();
  t.match(await warned, [{ kind: 'archive-changed', detail: { reason: 'untrusted' } }]);
  t.equal(again.client.recovery.archive.state, 'untrusted');
  await again.client.room(group.id).send('after');
  await again.client.recovery.archive.flush();
  t.equal(proxy.asked.filter(isUpload).length, uploadsBefore, 'nothing was sent');
  t.match(again.client.warnings(), [{ kind: 'archive-changed' }]);
  await again.client.recovery.unlock(written);
  await t.rejects(again.client.recovery.archive.enable(), { code: 'archive-not-trusted' });
  t.notMatch(JSON.stringify(proxy.asked), /"public_key":"AAAA/, 'no key was sealed to it');

  const next = await device(t, of, { url: proxy.url });
  t.same(await next.client.recovery.unlock(written), { identity: true, archive: false });
  proxy.lie = undefined;
  t.same(await next.client.recovery.unlock(written), { identity: true, archive: true });
  await again.client.recovery.archive.enable();
  t.equal(again.client.recovery.archive.state, 'on');
  t.same(again.client.warnings(), []);
  await again.client.recovery.archive.flush();
  t.equal(await inArchive(again), 2);
});

t.test('entries that a server exchanges are not shown', async (t) => {
  const proxy = await proxied(t);
  const { aliceAccount, alice, direct } = await talked(t);
  const written = await alice.client.recovery.create();
  await alice.client.recovery.archive.enable();
  await alice.client.recovery.archive.flush();
  const next = await device(t, aliceAccount, { url: proxy.url });
  await next.client.recovery.unlock(written);
  proxy.lie = ({ method, path }, { status, json }) => {
    if (method !== 'GET' || !path.includes('/room_keys/keys/')) return undefined;
    const entries = Object.entries((json as { sessions: object }).sessions);
    const [ids, values] = [entries.map(([id]) => id), entries.map(([, value]) => value)];
    const turned = ids.map((id, i) => [id, values[(i + 1) % values.length]]);
    return { status, json: { sessions: Object.fromEntries(turned) } };
  };
  t.equal(await next.client.recovery.archive.restore(direct.id), 0);
  proxy.lie = undefined;
  t.equal(await next.client.recovery.archive.restore(direct.id), 2);
});

t.test(
  'another device begins a new archive: this one stops, and goes on with its key',
  async (t) => {
    const of = await account(here);
    const one = await device(t, of);
    const group = await one.client.createGroup();
    await waitFor('the room', [one], () => one.client.rooms().length > 0);
    await group.send('kept');
    const written = await one.client.recovery.create();
    await one.client.recovery.archive.enable();
    const two = await device(t, of);
    t.same(await two.client.recovery.unlock(written), { identity: true, archive: true });
    await one.client.recovery.archive.disable();
    t.equal(one.client.recovery.archive.state, 'off');
    const warned = once(two.client, 'warning');
    await one.client.recovery.archive.enable();
    await group.send('more');
    await two.hears('more').catch(() => undefined);
    await two.client.recovery.archive.flush();
    t.match(await warned, [{ kind: 'archive-changed', detail: { reason: 'replaced' } }]);
    await waitFor('the new key', [one, two], () => two.client.recovery.archive.state === 'on');
    t.same(two.client.warnings(), []);
    await two.client.recovery.archive.flush();
    await one.client.recovery.archive.flush();
    t.equal(await inArchive(one), 2);
  },
);

t.test('a device that was given the signing keys asks the others for the archive', async (t) => {
  const of = await account(here);
  const one = await device(t, of);
  await one.client.recovery.create();
  await one.client.recovery.archive.enable();
  const two = await device(t, of);
  await t.rejects(two.client.recovery.ask(), { code: 'identity-not-verified' });
  t.equal(two.client.recovery.archive.state, 'off');
  const sealed = one.client.exportIdentity('between us') ?? '';
  t.ok(await two.client.importIdentity({ sealed, passphrase: 'between us' }));
  const told: unknown[] = [];
  for (const { client } of [one, two]) client.on('toDevice', (event) => told.push(event));
  t.equal(await two.client.recovery.ask(), 1);
  await waitFor('the key', [one, two], () => two.client.recovery.archive.state === 'on');
  t.same(told, [], 'secrets are not told to the application');
});

t.test('a device verified by emoji gets keys and history from the other', async (t) => {
  const { aliceAccount, alice, direct } = await talked(t);
  await alice.client.recovery.create();
  await alice.client.recovery.archive.enable();
  await alice.client.recovery.archive.flush();
  const next = await device(t, aliceAccount);
  const offered = once(alice.client, 'verification');
  const asked = await next.client.verifications.request(aliceAccount.userId);
  const [answered] = (await offered) as [typeof asked];
  answered.accept();
  const both = [asked, answered];
  const reach = (phase: string) =>
    waitFor(phase, [alice, next], () => both.every((one) => one.phase === phase));
  await reach('ready');
  asked.startSas();
  await reach('comparing');
  for (const one of both) one.confirm();
  const { recovery } = next.client;
  await waitFor('the key of the archive', [alice, next], () => recovery.archive.state === 'on');
  await waitFor('the signing keys', [alice, next], () => next.client.exportIdentity('mine'));
  await recovery.archive.restore(direct.id);
  t.same(said(next, direct.id), [`alice in ${direct.id}`, `bob in ${direct.id}`]);
});

t.test('a backup of another program is not replaced unasked', async (t) => {
  const of = await account(here);
  const one = await device(t, of);
  const body = {
    algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
    auth_data: { public_key: 'A'.repeat(43) },
  };
  await one.client.call(clientServer.postRoomKeysVersion, { body });
  await one.client.recovery.create();
  await t.rejects(one.client.recovery.archive.enable(), { code: 'foreign-backup' });
  t.equal(one.client.recovery.archive.state, 'off');
  await one.client.recovery.archive.enable({ replace: true });
  t.equal(one.client.recovery.archive.state, 'on');
  await one.client.call(clientServer.postRoomKeysVersion, { body });
  await one.client.createGroup().then((group) => group.send('x'));
  await one.client.recovery.archive.flush();
  t.equal(one.client.recovery.archive.state, 'replaced');
});

t.test('an identity begun anew replaces the one in the recovery', async (t) => {
  const of = await account(here);
  const lost = await device(t, of);
  const written = await lost.client.recovery.create();
  await lost.client.stop();
  const { url: homeserver, userId: user, password } = of;
  const login = { homeserver, user, password, store: 'memory', resetIdentity: true } as const;
  const anew = await Candor.login(login);
  t.teardown(() => anew.stop());
  t.match(await anew.recovery.unlock(written), { identity: true });
  const next = await device(t, of);
  t.match(await next.client.recovery.unlock(written), { identity: true });
  t.equal(next.client.trustOf(of.userId), 'verified');
});
