import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateAuthority } from '@candor/federation/testing';
import { freePort } from '@candor/federation/testing';
import { type Account, registerAccount } from '../register-account.ts';
import { sendRequest } from '../send-request.ts';
import { waitUntil } from './wait-until.ts';

/** A Synapse in a child process. */
export type Synapse = {
  readonly serverName: string;
  /** Plain HTTP on loopback, for clients. */
  readonly url: string;
  register(name: string): Promise<Account>;
  logs(): Promise<string>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type SynapsePlace = {
  /** The interpreter of the virtual environment that Synapse is installed in. */
  readonly python: string;
  /** A folder for its data, which is made. */
  readonly folder: string;
  readonly authority: CertificateAuthority;
};

const unlimited = { per_second: 10_000, burst_count: 10_000 };
const limits = Object.fromEntries(
  [
    'rc_message',
    'rc_registration',
    'rc_joins_per_room',
    'rc_room_creation',
    'rc_media_create',
    'rc_admin_redaction',
    'rc_profile',
  ].map((name) => [name, unlimited]),
);

type Paths = (name: string) => string;

// https://element-hq.github.io/synapse/latest/usage/configuration/config_documentation.html
const settings = (serverName: string, clientPort: number, secret: string, file: Paths) => ({
  server_name: serverName,
  public_baseurl: `http://127.0.0.1:${clientPort}/`,
  report_stats: false,
  pid_file: file('synapse.pid'),
  signing_key_path: file('signing.key'),
  media_store_path: file('media'),
  log_config: file('log.json'),
  database: { name: 'sqlite3', args: { database: file('synapse.db') } },
  tls_certificate_path: file('certificate.pem'),
  tls_private_key_path: file('key.pem'),
  federation_custom_ca_list: [file('authority.pem')],
  ip_range_whitelist: ['127.0.0.0/8', '::1'],
  trusted_key_servers: [],
  suppress_key_server_warning: true,
  registration_shared_secret: secret,
  macaroon_secret_key: randomBytes(16).toString('hex'),
  form_secret: randomBytes(16).toString('hex'),
  bcrypt_rounds: 4,
  allow_public_rooms_over_federation: true,
  room_list_publication_rules: [{ action: 'allow' }],
  // A server that was away is asked again at once, or a split would outlast any test.
  federation: {
    destination_min_retry_interval: 200,
    destination_max_retry_interval: 1_000,
    max_short_retries: 1,
    max_long_retries: 1,
  },
  listeners: [
    {
      port: clientPort,
      bind_addresses: ['127.0.0.1'],
      type: 'http',
      resources: [{ names: ['client'] }],
    },
    {
      port: Number(serverName.split(':')[1]),
      bind_addresses: ['127.0.0.1'],
      type: 'http',
      tls: true,
      resources: [{ names: ['federation', 'keys', 'media'] }],
    },
  ],
  ...limits,
  rc_login: { address: unlimited, account: unlimited, failed_attempts: unlimited },
  rc_joins: { local: unlimited, remote: unlimited },
  rc_invites: { per_room: unlimited, per_user: unlimited, per_issuer: unlimited },
  rc_presence: { per_user: unlimited },
  rc_federation: { sleep_limit: 10_000, reject_limit: 10_000, concurrent: 100 },
});

const logSettings = {
  version: 1,
  formatters: { plain: { format: '%(asctime)s %(levelname)s %(name)s %(request)s %(message)s' } },
  handlers: { console: { class: 'logging.StreamHandler', formatter: 'plain' } },
  root: { level: 'INFO', handlers: ['console'] },
  disable_existing_loggers: false,
};

const writeSettings = async ({ folder, authority }: SynapsePlace) => {
  await mkdir(folder);
  const file: Paths = (name) => join(folder, name);
  const [clientPort, port] = [await freePort(), await freePort()];
  const secret = randomBytes(24).toString('base64url');
  const serverName = `localhost:${port}`;
  const tls = authority.issue(['localhost', '127.0.0.1']);
  const seed = randomBytes(32).toString('base64').replaceAll('=', '');
  const json = (value: unknown) => JSON.stringify(value, undefined, 2);
  const texts = {
    // Every JSON document is YAML too.
    'homeserver.yaml': json(settings(serverName, clientPort, secret, file)),
    'log.json': json(logSettings),
    'signing.key': `ed25519 a_1 ${seed}\n`,
    'certificate.pem': tls.cert,
    'key.pem': tls.key,
    'authority.pem': authority.cert,
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(file(name), text, { mode: 0o600 });
  }
  return { serverName, secret, url: `http://127.0.0.1:${clientPort}` };
};

const spawnSynapse = async ({ python, folder }: SynapsePlace, logFile: string) => {
  const log = await open(logFile, 'a');
  const config = join(folder, 'homeserver.yaml');
  const child = spawn(python, ['-m', 'synapse.app.homeserver', '--config-path', config], {
    cwd: folder,
    env: { PATH: process.env['PATH'], PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  return child;
};

/** Configures a Synapse on SQLite and free ports of loopback, and starts it. */
export const startSynapse = async (place: SynapsePlace): Promise<Synapse> => {
  const { serverName, secret, url } = await writeSettings(place);
  const logFile = join(place.folder, 'synapse.log');
  const logs = () => readFile(logFile, 'utf8').catch(() => '');
  let child: ChildProcess | undefined;
  const endChild = () => child?.kill('SIGKILL');
  process.on('exit', endChild);
  const isUp = async () => {
    if (child?.exitCode !== null) throw new Error(`Synapse did not start:\n${await logs()}`);
    const answer = await sendRequest(`${url}/health`).catch(() => undefined);
    return answer?.status === 200;
  };
  const start = async () => {
    child = await spawnSynapse(place, logFile);
    await waitUntil('Synapse', isUp);
  };
  await start();
  return {
    serverName,
    url,
    register: (name) => registerAccount(url, secret, { name, password: `password of ${name}` }),
    logs,
    start,
    stop: async () => {
      if (!child || child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
};
