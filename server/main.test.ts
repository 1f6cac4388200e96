import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { options } from './config/options.ts';
import { readConfig } from './config/read-config.ts';

t.setTimeout(300_000);

const main = join(import.meta.dirname, 'main.ts');
const bin = join(import.meta.dirname, 'bin', 'candor.js');
const folder = await mkdtemp(join(tmpdir(), 'candor-cli-'));
await chmod(folder, 0o755);
t.teardown(() => rm(folder, { recursive: true, force: true }));

const clean = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^CANDOR_|^NODE_OPTIONS$|^TAP/.test(name)),
);

const candor = (args: readonly string[], env: Record<string, string> = {}) => {
  const result = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    env: { ...clean, ...env },
    encoding: 'utf8',
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
};

t.test('wrong usage ends with 2 and says what is right', async (t) => {
  for (const [args, words] of [
    [[], /a command is missing/],
    [['sevre'], /unknown command 'sevre'; the nearest is 'serve'/],
    [['toString'], /unknown command/],
    [['backup'], /--out DIR is missing/],
    [['restore'], /--from DIR is missing/],
    [['doctor', '--from', 'x'], /goes with restore only/],
    [['serve', 'now'], /unexpected argument 'now'/],
    [['serve', '--fast'], /--fast/],
    [['doctor', '--data-dir', 'x'], /go with init only/],
    [['doctor', '--out', 'x'], /goes with export and backup only/],
    [['export'], /--out FILE is missing/],
    [['admin'], /create-user, reset-password/],
    [['admin', 'create-user'], /the name of the user is missing/],
    [['admin', 'create-user', 'a', 'b'], /unexpected argument 'b'/],
    [['admin', 'deactivate', 'a', '--admin'], /--admin goes with create-user only/],
    [['admin', 'list-users', 'a'], /unexpected argument 'a'/],
    [['admin', 'registration-token'], /create, list or revoke/],
    [['admin', 'registration-token', 'revoke'], /the token is missing/],
    [['admin', 'registration-token', 'list', 'x'], /unexpected argument 'x'/],
    [['admin', 'registration-token', 'create', '--uses', '0'], /--uses: a number from 1 on/],
    [['admin', 'registration-token', 'list', '--days', '2'], /go with registration-token create/],
    [['serve', '--admin'], /go with admin only/],
    [['keys'], /keys: only rotate/],
    [['keys', 'rotate', 'now'], /keys: only rotate/],
  ] as const) {
    const { code, out, err } = candor(args);
    t.equal(code, 2, args.join(' '));
    t.match(err, words);
    t.match(err, /usage: candor COMMAND/);
    t.equal(out, '');
  }
});

t.test('help and version end with 0', async (t) => {
  t.match(candor(['--help']), { code: 0, out: /usage: candor COMMAND.*serve.*init.*doctor/s });
  const told = candor(['version']);
  t.match(told, { code: 0, out: /^candor \d+\.\d+\.\d+ \(Node v\d+/ });
  for (const flag of ['--version', '-v']) t.strictSame(candor([flag]), told, flag);
});

t.test('faults in the settings end with 1, all of them named', async (t) => {
  const { code, err } = candor(['serve'], { CANDOR_LOG_LEVEL: 'loud', CANDOR_TLS_CERT: '/c' });
  t.equal(code, 1);
  t.match(err, /log\.level.*"loud"/);
  t.match(err, /tls\.key: is missing/);
  t.match(candor(['serve', '--config', 'none.yaml']), {
    code: 1,
    err: /none\.yaml: cannot be read/,
  });
});

t.test('what cannot be used is named by its setting, without a stack', async (t) => {
  const nothing = join(folder, 'nothing.pem');
  for (const [env, words] of [
    [{ CANDOR_DATABASE_URL: 'postgres://127.0.0.1:1/x' }, /^candor: database\.url: .*ECONNREFUSED/],
    [{ CANDOR_DATA_DIR: '/dev/null/x' }, /^candor: data_dir: .*cannot be made \(ENOTDIR\)/],
    [
      { CANDOR_FEDERATION_CA: nothing },
      /^candor: federation\.ca_file: .*cannot be read \(ENOENT\)/,
    ],
    [{ CANDOR_FEDERATION_CA: main }, /^candor: federation\.ca_file: .*holds no certificate/],
    [
      { CANDOR_CLIENT_LISTEN: '203.0.113.7:8008', CANDOR_BEHIND_PROXY: 'true' },
      /^candor: this machine has no address 203\.0\.113\.7; client\.listen/,
    ],
  ] as const) {
    const { code, err } = candor(['serve'], { CANDOR_DATA_DIR: join(folder, 'unusable'), ...env });
    t.equal(code, 1);
    t.match(err, words);
    t.notMatch(err, /^\s+at /m);
  }
});

t.test('init writes settings that work, once', async (t) => {
  const file = join(folder, 'etc', 'candor.yaml');
  const args = ['init', '--config', file, '--data-dir', join(folder, 'kept')];
  t.match(candor(args), { code: 0, out: /signing key +ed25519:a_/ });
  const text = await readFile(file, 'utf8');
  for (const { key } of options)
    t.match(text, new RegExp(`^ *(?:# )?${key.split('.').at(-1)}:`, 'm'), key);
  const [written, defaults] = [readConfig({ file, env: {} }), readConfig({ env: {} })];
  if (!written.ok || !defaults.ok) throw new Error('the settings have faults');
  t.strictSame(written.config, { ...defaults.config, dataDir: join(folder, 'kept') });
  t.equal((await stat(join(folder, 'kept', 'keys', 'signing.key'))).mode & 0o777, 0o600);
  t.match(candor(args), { code: 1, err: /is there already/ });
  t.equal(await readFile(file, 'utf8'), text);
  t.match(candor(['init', '--server-name', 'no name']), { code: 1, err: /not a server name/ });
  const named = ['init', '--config', 'named.yaml', '--server-name', 'chat.example'];
  t.match(candor(named), { code: 0, out: /Set tls\.cert and tls\.key .*tls\.acme/ });
});

t.test('doctor tells what would stop the start', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const dataDir = join(folder, 'sick');
  const env = { CANDOR_DATA_DIR: dataDir, CANDOR_FEDERATION_LISTEN: '127.0.0.1:0' };
  const well = candor(['doctor'], { ...env, CANDOR_CLIENT_LISTEN: '127.0.0.1:0' });
  t.equal(well.code, 0, well.out);
  t.notMatch(well.out, /FAIL/);

  await writeFile(join(folder, 'no.pem'), 'no certificate');
  const ill = candor(['doctor'], {
    ...env,
    CANDOR_CLIENT_LISTEN: `127.0.0.1:${port}`,
    CANDOR_DATABASE_URL: `postgres://x@127.0.0.1:${port === 1 ? 2 : 1}/x`,
    CANDOR_TLS_CERT: join(folder, 'no.pem'),
    CANDOR_TLS_KEY: join(folder, 'no.pem'),
    CANDOR_FEDERATION_CA: join(folder, 'no.pem'),
  });
  t.equal(ill.code, 1);
  t.match(ill.out, /FAIL {2}client\.listen: .*EADDRINUSE/);
  t.match(ill.out, /FAIL {2}database: /);
  t.match(ill.out, /FAIL {2}certificate: tls\.cert: /);
  t.match(ill.out, /FAIL {2}federation\.ca_file: /);
  t.match(candor(['doctor'], { CANDOR_LOG_LEVEL: 'x', CANDOR_REGISTRTION: 'open' }), {
    code: 1,
    out: /^warn {2}environment: CANDOR_REGISTRTION is no setting; the nearest is CANDOR_REGISTRATION\nFAIL {2}settings: /,
  });
});

t.test('serve starts, refuses a second one, and drains on SIGTERM', async (t) => {
  const env = {
    ...clean,
    CANDOR_DATA_DIR: join(folder, 'served'),
    CANDOR_CLIENT_LISTEN: '127.0.0.1:0',
    CANDOR_FEDERATION_LISTEN: '127.0.0.1:0',
  };
  const child = spawn(process.execPath, [bin, 'serve'], { cwd: folder, env, stdio: 'pipe' });
  const log: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => log.push(line));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (line.startsWith('The first account')) break;
  }
  child.stderr.resume();
  const url = /clients +(http:\S+)/.exec(said.join('\n'))?.[1] ?? '';
  t.equal((await fetch(`${url}/health`)).status, 200);
  const token = /with the token (\S+)$/.exec(said.at(-1) ?? '')?.[1] ?? '';
  t.match(token, /^.{16,}$/);
  t.match(candor(['serve'], env), { code: 1, err: new RegExp(`in use.*process ${child.pid}`) });
  t.match(candor(['doctor'], env), { code: 0, out: /not tried, .*in use/ });
  const running = join(folder, 'running.ndjson');
  const row = '{"table":"registration_tokens","row":{';
  t.match(candor(['export', '--out', running], env), { code: 0, out: /rows of \d+ tables/ });
  t.match(await readFile(running, 'utf8'), row);
  t.equal((await stat(running)).mode & 0o777, 0o600);
  t.match(candor(['export', '--out', running], env), { code: 1, err: /is there already/ });
  const made = candor(['admin', 'create-user', 'zoe', '--admin'], env);
  t.match(made, { code: 0, out: /^@zoe:localhost:8448\n\S{16,}\n/ });
  const password = made.out.split('\n')[1] ?? '';
  const login = await fetch(`${url}/_matrix/client/v3/login`, {
    method: 'POST',
    body: JSON.stringify({ type: 'm.login.password', user: 'zoe', password }),
  });
  t.equal(login.status, 200);
  t.match(candor(['admin', 'create-user', 'zoe'], env), { code: 1, err: /name is taken/ });
  t.match(candor(['keys', 'rotate'], env), { code: 1, err: /in use by another candor/ });
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'exit');
  t.strictSame([code, signal], [0, null]);
  t.match(candor(['keys', 'rotate'], env), {
    code: 0,
    out: /^ed25519:a_\w+ signs nothing.*\ned25519:a_\w+ signs from/,
  });
  const listed = candor(['admin', 'list-users'], env);
  t.match(listed, { code: 0, out: /^@zoe:localhost:8448\t.*\tadmin\tmust-change-password\n$/ });
  t.match(candor(['admin', 'reset-password', 'bob'], env), { code: 1, err: /no account @bob/ });
  t.equal(candor(['export', '--out', folder], env).code, 0, 'with a database started for it');
  t.match(await readFile(join(folder, 'database.ndjson'), 'utf8'), row);
  const empty = { ...env, CANDOR_DATA_DIR: join(folder, 'nothing') };
  t.match(candor(['export', '--out', 'no.ndjson'], empty), { code: 1, err: /no database yet/ });
  t.match(candor(['doctor'], env), { code: 0, out: /database: PostgreSQL \d+ answers/ });
  for (const line of log) t.doesNotThrow(() => JSON.parse(line));
  t.notMatch(log.join('\n'), token);
});

const older = (process.env['PATH'] ?? '')
  .split(':')
  .map((directory) => join(directory, 'node'))
  .find((node) => /^v2[0-3]\./.test(spawnSync(node, ['--version']).stdout?.toString() ?? ''));
const withOlder = { skip: older === undefined && 'no older Node on this machine' };

t.test('an older Node hands over to the one that npm brings', withOlder, async (t) => {
  const run = (name: string) =>
    spawnSync(older ?? '', [bin, name], { env: clean, encoding: 'utf8' });
  t.match(run('version'), { status: 0, stdout: /Node v24\./ });
  t.equal(run('sevre').status, 2, 'with its exit status');
});
