import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { options } from './options.ts';
import { type Config, type ConfigSources, readConfig } from './read-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'candor-config-'));
t.teardown(() => rmSync(folder, { recursive: true }));
let files = 0;
const yaml = (text: string): string => {
  files += 1;
  const file = join(folder, `${files}.yaml`);
  writeFileSync(file, text);
  return file;
};

const read = (sources: Partial<ConfigSources>): Config => {
  const result = readConfig({ env: {}, ...sources });
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return result.config;
};

const faults = (sources: Partial<ConfigSources>): readonly string[] => {
  const result = readConfig({ env: {}, ...sources });
  return result.ok ? [] : result.faults;
};

t.test('without a file and an environment there are the defaults', async (t) => {
  t.strictSame(read({}), {
    serverName: 'localhost:8448',
    dataDir: join(process.cwd(), 'data'),
    database: { url: undefined, binDir: undefined },
    client: {
      listen: { host: '127.0.0.1', port: 8008 },
      isTls: false,
      publicUrl: 'http://127.0.0.1:8008',
      behindProxy: false,
    },
    federation: {
      listen: { host: '0.0.0.0', port: 8448 },
      caFile: undefined,
      delegateTo: undefined,
      allow: undefined,
      deny: [],
      allowPrivateAddresses: false,
      trustedKeyServers: [],
      blockedKeys: [],
    },
    tls: { cert: undefined, key: undefined, hosts: ['localhost'], acme: undefined },
    registration: { mode: 'token', sharedSecret: undefined },
    support: { email: undefined, matrixId: undefined, page: undefined },
    metrics: { token: undefined },
    rateLimits: true,
    log: { level: 'info' },
  });
});

t.test('every option can be set by its key and by its environment variable', async (t) => {
  const file = yaml(`
server_name: chat.example
data_dir: here
database: { url: "postgres://u:p@db/candor" }
client: { listen: "0.0.0.0:80", behind_proxy: true, public_url: "https://chat.example/" }
federation:
  listen: "[::]:443"
  ca_file: ca.pem
  allow: [a.example, "b.example:8448"]
  deny: ["*.example.org", "10.0.?.1", "[2001:db8::*]"]
  allow_private_addresses: true
  trusted_key_servers: [keys.example]
  blocked_keys: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA]
tls: { cert: cert.pem, key: /etc/key.pem }
registration: { mode: open, shared_secret: hush }
rate_limits: off
log: { level: debug }
`);
  const fromFile = read({ file });
  t.match(fromFile, {
    serverName: 'chat.example',
    dataDir: join(folder, 'here'),
    client: { listen: { host: '0.0.0.0', port: 80 }, publicUrl: 'https://chat.example' },
    federation: { listen: { host: '::', port: 443 }, allow: ['a.example', 'b.example:8448'] },
    tls: { cert: join(folder, 'cert.pem'), key: '/etc/key.pem' },
    rateLimits: false,
  });
  const fromEnv = read({
    env: {
      CANDOR_SERVER_NAME: 'chat.example',
      CANDOR_DATA_DIR: join(folder, 'here'),
      CANDOR_DATABASE_URL: 'postgres://u:p@db/candor',
      CANDOR_CLIENT_LISTEN: '0.0.0.0:80',
      CANDOR_BEHIND_PROXY: 'true',
      CANDOR_PUBLIC_URL: 'https://chat.example',
      CANDOR_FEDERATION_LISTEN: '[::]:443',
      CANDOR_FEDERATION_CA: join(folder, 'ca.pem'),
      CANDOR_FEDERATION_ALLOW: 'a.example, b.example:8448',
      CANDOR_FEDERATION_DENY: '*.example.org,10.0.?.1,[2001:db8::*]',
      CANDOR_FEDERATION_ALLOW_PRIVATE: 'true',
      CANDOR_TRUSTED_KEY_SERVERS: 'keys.example',
      CANDOR_FEDERATION_BLOCKED_KEYS: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      CANDOR_TLS_CERT: join(folder, 'cert.pem'),
      CANDOR_TLS_KEY: '/etc/key.pem',
      CANDOR_REGISTRATION: 'open',
      CANDOR_REGISTRATION_SHARED_SECRET: 'hush',
      CANDOR_RATE_LIMITS: 'off',
      CANDOR_LOG_LEVEL: 'debug',
    },
  });
  t.strictSame(fromEnv, fromFile);
  t.equal(read({ env: { CANDOR_DATABASE_BIN_DIR: '/pg/bin' } }).database.binDir, '/pg/bin');
});

t.test('the environment wins over the file, and an empty variable is none', async (t) => {
  const file = yaml('log: { level: debug }\nregistration: { mode: closed }\ndatabase:\n');
  const config = read({ file, env: { CANDOR_LOG_LEVEL: 'warn', CANDOR_REGISTRATION: '' } });
  t.equal(config.log.level, 'warn');
  t.equal(config.registration.mode, 'closed');
});

t.test('a blocked key is a public key and nothing else', async (t) => {
  const { blockedKeys } = read({
    file: yaml('federation: { blocked_keys: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA] }'),
  }).federation;
  t.strictSame(blockedKeys, ['AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']);
  const found = faults({ file: yaml('federation: { blocked_keys: [ed25519:a] }') });
  t.match(found.join(), /federation\.blocked_keys: .*public keys/);
});

t.test('an empty list of allowed servers closes federation', async (t) => {
  t.strictSame(read({ file: yaml('federation: { allow: [] }') }).federation.allow, []);
});

t.test('all faults are reported at once, each with its name and what is allowed', async (t) => {
  const file = yaml(
    'servername: a.example\nlog: { level: loud, colour: true }\nclient: 5\nrate_limits: true\n',
  );
  const found = faults({ file, env: { CANDOR_FEDERATION_ALLOW: 'a b' } });
  t.equal(found.length, 6, found.join('\n'));
  const text = found.join('\n');
  t.match(text, /servername: unknown setting; the nearest is server_name/);
  t.match(text, /log\.level: "loud" is not allowed; allowed: .*`info`/);
  t.match(text, /log\.colour: unknown setting; the nearest is log\.level/);
  t.match(text, /client: has to be a section/);
  t.match(text, /rate_limits: true is not allowed; allowed: `on`, `off`/);
  t.match(text, /federation\.allow \(CANDOR_FEDERATION_ALLOW\): "a b" is not allowed/);
});

t.test('no option takes a value of a wrong form', async (t) => {
  for (const option of options)
    for (const raw of option.kind === 'text' || option.kind === 'path' ? ['5'] : ['5', '"a b"']) {
      const sections = option.key.split('.');
      const text = sections.map((name, depth) => `${'  '.repeat(depth)}${name}:`).join('\n');
      const found = faults({ file: yaml(`${text} ${raw}\n`) });
      t.ok(
        found.some((fault) => fault.startsWith(`${option.key}: `)),
        `${option.key}: ${raw}`,
      );
    }
});

t.test('a secret with a wrong form is not shown', async (t) => {
  const [fault] = faults({ env: { CANDOR_DATABASE_URL: 'mysql://root:hush@db/x' } });
  t.match(fault, /database\.url/);
  t.notMatch(fault, /hush/);
});

t.test('a file that is missing or no YAML is a fault', async (t) => {
  t.match(faults({ file: join(folder, 'none.yaml') }), [/none\.yaml: cannot be read \(ENOENT\)/]);
  t.match(faults({ file: yaml('a: [1') })[0], /\.yaml: .* at line 1/s);
  t.match(faults({ file: yaml('just text') })[0], /has to be a section of settings/);
  t.match(faults({ file: yaml('log: {level: info}\nlog: {level: warn}') })[0], /unique/i);
});

t.test('unsafe combinations stop the start', async (t) => {
  t.match(faults({ env: { CANDOR_SERVER_NAME: 'chat.example' } }), [
    /tls\.cert, tls\.key: .*required/,
  ]);
  t.match(faults({ env: { CANDOR_TLS_CERT: '/c.pem' } }), [/tls\.key: is missing/]);
  t.match(faults({ env: { CANDOR_TLS_KEY: '/k.pem' } }), [/tls\.cert: is missing/]);
  t.match(faults({ env: { CANDOR_FEDERATION_LISTEN: '0.0.0.0:8008' } }), [/federation\.listen: /]);
  t.match(faults({ env: { CANDOR_PUBLIC_URL: 'http://chat.example' } }), [/client\.public_url/]);
  t.match(
    faults({ env: { CANDOR_DATABASE_URL: 'postgres://db/x', CANDOR_DATABASE_BIN_DIR: '/b' } }),
    [/database\.bin_dir: has no use/],
  );
});

t.test('loopback names and addresses need no certificate and no proxy', async (t) => {
  for (const name of ['localhost', 'hs1.localhost:8448', '127.0.0.1:8448', '[::1]:8448'])
    t.strictSame(faults({ env: { CANDOR_SERVER_NAME: name } }), [], name);
  for (const listen of ['localhost:1', '127.1.2.3:0', '[::1]:8008'])
    t.equal(read({ env: { CANDOR_CLIENT_LISTEN: listen } }).client.isTls, false, listen);
  for (const name of ['localhost.example', '128.0.0.1', 'notlocalhost'])
    t.equal(faults({ env: { CANDOR_SERVER_NAME: name } }).length, 1, name);
});

t.test('behind a proxy clients are sent to the host of the server name by TLS', async (t) => {
  const env = { CANDOR_BEHIND_PROXY: 'true', CANDOR_CLIENT_LISTEN: '0.0.0.0:8008' };
  t.match(read({ env }).client, { isTls: false, publicUrl: 'https://localhost' });
});

t.test('off loopback and without a proxy the listener for clients ends TLS itself', async (t) => {
  const named = {
    CANDOR_SERVER_NAME: 'Chat.example',
    CANDOR_TLS_CERT: '/c.pem',
    CANDOR_TLS_KEY: '/k.pem',
    CANDOR_CLIENT_LISTEN: '0.0.0.0:443',
  };
  t.match(read({ env: named }), {
    client: { isTls: true, publicUrl: 'https://Chat.example' },
    tls: { hosts: ['chat.example'] },
  });
  const delegated = {
    ...named,
    CANDOR_CLIENT_LISTEN: '[::]:8008',
    CANDOR_FEDERATION_DELEGATE_TO: 'matrix.chat.example:443',
  };
  t.match(read({ env: delegated }), {
    client: { isTls: true, publicUrl: 'https://matrix.chat.example:8008' },
    tls: { hosts: ['matrix.chat.example'] },
  });
  const own = { ...delegated, CANDOR_PUBLIC_URL: 'https://clients.example/' };
  t.strictSame(read({ env: own }).tls.hosts, ['matrix.chat.example', 'clients.example']);
  const proxied = { ...own, CANDOR_BEHIND_PROXY: 'true' };
  t.strictSame(read({ env: proxied }).tls.hosts, ['matrix.chat.example'], 'the proxy has its own');
});

const acme = {
  CANDOR_SERVER_NAME: 'chat.example',
  CANDOR_TLS_ACME_DIRECTORY: 'letsencrypt',
  CANDOR_TLS_ACME_AGREE_TO_TERMS: 'true',
};

t.test('ACME is set by its group of keys', async (t) => {
  const file = yaml(`
server_name: chat.example
tls:
  acme:
    directory: https://ca.example/acme/directory
    agree_to_terms: true
    email: ops@chat.example
    hosts: [WWW.chat.example, chat.example]
    http_listen: 127.0.0.1:8080
    ca_file: ca.pem
    eab_key_id: kid-1
    eab_hmac_key: aGFsbG8_
`);
  t.strictSame(read({ file }).tls, {
    cert: undefined,
    key: undefined,
    hosts: ['chat.example', 'www.chat.example'],
    acme: {
      directory: 'https://ca.example/acme/directory',
      email: 'ops@chat.example',
      httpListen: { host: '127.0.0.1', port: 8080 },
      caFile: join(folder, 'ca.pem'),
      externalAccount: { keyId: 'kid-1', hmacKey: 'aGFsbG8_' },
    },
  });
  t.match(read({ env: acme }).tls.acme, {
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    httpListen: { host: '0.0.0.0', port: 80 },
    externalAccount: undefined,
  });
  const staging = { ...acme, CANDOR_TLS_ACME_DIRECTORY: 'letsencrypt-staging' };
  t.match(read({ env: staging }).tls.acme?.directory, /^https:\/\/acme-staging/);
});

t.test('what cannot work with ACME stops the start, by name', async (t) => {
  const faulty = (env: Record<string, string>) => faults({ env: { ...acme, ...env } });
  t.match(faulty({ CANDOR_TLS_CERT: '/c', CANDOR_TLS_KEY: '/k' }), [
    /^tls\.acme\.directory, tls\.cert, tls\.key: /,
  ]);
  t.match(faulty({ CANDOR_TLS_ACME_AGREE_TO_TERMS: '' }), [/^tls\.acme\.agree_to_terms: /]);
  t.match(faulty({ CANDOR_TLS_ACME_EAB_KEY_ID: 'a' }), [/^tls\.acme\.eab_hmac_key: is missing/]);
  t.match(faulty({ CANDOR_TLS_ACME_EAB_HMAC_KEY: 'a' }), [/^tls\.acme\.eab_key_id: is missing/]);
  for (const name of ['localhost', '127.0.0.1:8448', '192.0.2.7', '[2001:db8::7]:8448'])
    t.match(
      faulty({ CANDOR_SERVER_NAME: name }),
      [/^tls\.acme\.directory: no authority gives/],
      name,
    );
  t.match(faulty({ CANDOR_TLS_ACME_HOSTS: 'a.localhost' }), [/for a\.localhost; allowed/]);
  t.match(faulty({ CANDOR_TLS_ACME_HOSTS: '*.chat.example' }), [/^tls\.acme\.hosts /]);
  const many = Array.from({ length: 100 }, (_, n) => `h${n}.chat.example`).join();
  t.match(faulty({ CANDOR_TLS_ACME_HOSTS: many }), [/^tls\.acme\.hosts: too many; allowed: 100/]);
  const port80 = { CANDOR_CLIENT_LISTEN: '0.0.0.0:80', CANDOR_BEHIND_PROXY: 'true' };
  t.match(faulty(port80), [/^tls\.acme\.http_listen: has the port of another listener \(80\)/]);
  t.match(faulty({ CANDOR_TLS_ACME_DIRECTORY: 'http://ca.example/' }), [
    /^tls\.acme\.directory \(CANDOR_TLS_ACME_DIRECTORY\): .*https:/,
  ]);
  t.match(faults({ env: { CANDOR_TLS_ACME_EMAIL: 'ops@chat.example' } }), [
    /^tls\.acme\.email: has no use without tls\.acme\.directory/,
  ]);
  t.match(faults({ file: yaml('tls: { acme: letsencrypt }') }), [
    /^tls\.acme: has to be a section/,
  ]);
  const hush = faulty({ CANDOR_TLS_ACME_EAB_KEY_ID: 'a', CANDOR_TLS_ACME_EAB_HMAC_KEY: 'h u s h' });
  t.match(hush, [/^tls\.acme\.eab_hmac_key /, /./]);
  t.notMatch(hush.join(), /h u s h/);
});
