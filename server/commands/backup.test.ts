import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type Config, readConfig } from '../config/read-config.ts';
import { createLog } from '../log.ts';
import { startServer } from '../server.ts';
import { backup } from './backup.ts';
import { exportAll } from './export.ts';
import { restore } from './restore.ts';

t.setTimeout(300_000);

const folder = await mkdtemp(join(tmpdir(), 'candor-backup-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const log = createLog({ level: 'silent' });

const configOf = (name: string, env: Record<string, string> = {}): Config => {
  const settings = readConfig({
    env: {
      CANDOR_SERVER_NAME: 'localhost:8448',
      CANDOR_DATA_DIR: join(folder, name),
      CANDOR_CLIENT_LISTEN: '127.0.0.1:0',
      CANDOR_FEDERATION_LISTEN: '127.0.0.1:0',
      CANDOR_REGISTRATION: 'open',
      ...env,
    },
  });
  if (!settings.ok) throw new Error(settings.faults.join());
  return settings.config;
};

const clientOf = (base: string) => {
  let token = '';
  const call = async (method: string, path: string, body?: object | string) => {
    const response = await fetch(`${base}/_matrix/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return response.headers.get('content-type') === 'application/json' ? JSON.parse(text) : text;
  };
  return { call, signIn: (accessToken: string) => (token = accessToken) };
};

const rowsOf = async (file: string): Promise<readonly string[]> =>
  (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('{"table"'))
    .sort();

t.test('a backup of a running server is restored into an empty data directory', async (t) => {
  const out = join(folder, 'out');
  const first = await startServer(configOf('first'), log);
  const alice = clientOf(first.urls.client);
  const auth = { type: 'm.login.dummy' };
  const account = { username: 'alice', password: 'alice knows this', auth };
  const { access_token } = await alice.call('POST', 'client/v3/register', account);
  alice.signIn(access_token);
  const { room_id } = await alice.call('POST', 'client/v3/createRoom', { name: 'Räume ☂' });
  const room = `client/v3/rooms/${encodeURIComponent(room_id)}`;
  const say = (client: typeof alice, text: string) =>
    client.call('PUT', `${room}/send/m.room.message/${text}`, { msgtype: 'm.text', body: text });
  await say(alice, 'before');
  const { content_uri } = await alice.call('POST', 'media/v3/upload', 'a small file');
  t.equal(await backup(configOf('first'), out), 0);
  t.equal((await stat(out)).mode & 0o777, 0o700);
  t.notOk((await readdir(join(out, 'data'))).some((name) => name.startsWith('postgresql')));
  await t.rejects(backup(configOf('first'), out), /is there already/);
  await say(alice, 'after');
  await first.stop();

  await t.rejects(restore(configOf('first'), out), /is not empty/);
  await t.rejects(restore(configOf('x'), join(folder, 'none')), /no whole backup/);
  const other = configOf('x', { CANDOR_SERVER_NAME: 'localhost:1' });
  await t.rejects(restore(other, out), /the backup is of localhost:8448/);
  t.equal(await restore(configOf('second'), out), 0);
  const copy = join(folder, 'copy.ndjson');
  await exportAll(configOf('second'), copy);
  t.strictSame(await rowsOf(copy), await rowsOf(join(out, 'database.ndjson')), 'row for row');

  const older = join(out, 'database.ndjson');
  const text = await readFile(older, 'utf8');
  await writeFile(older, text.replace(/^.*"name":"0001-initial".*\n/m, ''));
  await t.rejects(restore(configOf('third'), out), /another version of Candor/);
  await writeFile(older, text.replace('"is_admin":', '"was_admin":'));
  await t.rejects(restore(configOf('fourth'), out), /does not fit the tables: .*is_admin/);

  const second = await startServer(configOf('second'), log);
  t.teardown(second.stop);
  t.equal(
    second.context.federation.signingKey.publicKey,
    first.context.federation.signingKey.publicKey,
  );
  const again = clientOf(second.urls.client);
  again.signIn(access_token);
  const { chunk } = await again.call('GET', `${room}/messages?dir=b`);
  t.equal(chunk[0].content.body, 'before', 'as it was at the backup');
  const file = content_uri.replace('mxc://', 'client/v1/media/download/');
  t.equal(await again.call('GET', file), 'a small file');
  const { event_id } = await say(again, 'goes on');
  t.match(event_id, /^\$/);
  const login = { type: 'm.login.password', user: 'alice', password: 'alice knows this' };
  t.match(await again.call('POST', 'client/v3/login', login), { user_id: '@alice:localhost:8448' });
});
