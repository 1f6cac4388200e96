import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '@candor/spec';
import t, { type Test } from 'tap';
import { readConfig } from '../../config/read-config.ts';
import { createLog } from '../../log.ts';
import { type Certificates, openCertificates } from '../open-certificates.ts';
import { problem } from '../testing/authority-steps.ts';
import { createHeldClock } from '../testing/held-clock.ts';
import { startScriptedAuthority } from '../testing/scripted-authority.ts';
import { certificateId } from './renewal-info.ts';

const dayMs = 86_400_000;
const names = ['chat.example', 'www.chat.example'];

/** An authority, and what a server with it for its certificates goes on; `open` starts that part of a server. */
const setUp = async (t: Test) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'candor-acme-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  const authority = await startScriptedAuthority(t);
  await writeFile(join(dataDir, 'ca.pem'), authority.authority.cert);
  const clock = createHeldClock(Date.now());
  const lines: string[] = [];
  const log = createLog({ level: 'trace', destination: { write: (line) => lines.push(line) } });
  const open = async (env: Record<string, string> = {}): Promise<Certificates> => {
    const settings = readConfig({
      env: {
        CANDOR_SERVER_NAME: 'chat.example',
        CANDOR_DATA_DIR: dataDir,
        CANDOR_TLS_ACME_DIRECTORY: authority.url,
        CANDOR_TLS_ACME_AGREE_TO_TERMS: 'true',
        CANDOR_TLS_ACME_HOSTS: 'www.chat.example',
        CANDOR_TLS_ACME_CA: join(dataDir, 'ca.pem'),
        ...env,
      },
    });
    if (!settings.ok) throw new Error(settings.faults.join('\n'));
    const { now, wait } = clock;
    const random = () => 0;
    const certificates = await openCertificates({
      config: settings.config,
      log,
      now,
      wait,
      random,
    });
    t.teardown(() => certificates.stop());
    return certificates;
  };
  return {
    dataDir,
    authority,
    clock,
    lines,
    open,
    file: (name: string) => join(dataDir, 'tls', name),
  };
};

const certificateOf = (certificates: Certificates): X509Certificate =>
  new X509Certificate(certificates.current().cert);

t.test('the first certificate is ordered at the start, checked and kept privately', async (t) => {
  const { authority, clock, lines, open, file, dataDir } = await setUp(t);
  const certificates = await open();
  t.equal(certificates.current().origin, 'stand-in');
  const shown: string[] = [];
  certificates.onChange(({ cert }) => shown.push(cert));
  certificates.start();
  t.equal(await clock.pause(), 3_600_000, 'nothing is left to do but wait');

  const { cert, key, origin } = certificates.current();
  t.equal(origin, 'acme');
  t.strictSame(shown, [cert]);
  const certificate = certificateOf(certificates);
  for (const name of names) t.ok(certificate.checkHost(name), name);
  t.ok(certificate.checkPrivateKey(createPrivateKey(key)));
  t.notOk(authority.asked.some(({ step }) => step.startsWith('fault')));
  t.match(authority.asked[0], { step: 'account', payload: { termsOfServiceAgreed: true } });

  t.strictSame((await readdir(join(dataDir, 'tls'))).sort(), ['acme-account.pem', 'acme.pem']);
  for (const name of ['acme.pem', 'acme-account.pem'])
    t.equal((await stat(file(name))).mode & 0o777, 0o600, name);
  const secrets = [key, await readFile(file('acme-account.pem'), 'utf8')];
  for (const secret of secrets) {
    const [, line = ''] = secret.split('\n');
    t.ok(line.length > 40);
    t.notMatch(lines.join(''), line, 'no private key is in the log');
  }

  await certificates.stop();
  const again = await open();
  again.start();
  await clock.pause();
  t.strictSame(again.current(), { cert, key, origin: 'acme' });
  t.equal(authority.count('order'), 3, 'a new order and two looks at it, once');
});

t.test('a third of the lifetime before it runs out it is renewed, and shown at once', async (t) => {
  const { authority, clock, open } = await setUp(t);
  const { script } = authority;
  script.certify = (hosts, key) =>
    authority.authority.certify(hosts, key, { from: new Date(clock.now()), days: 90 });
  const certificates = await open();
  certificates.start();
  await clock.pause();
  const first = certificates.current();
  await clock.advance(59 * dayMs);
  t.equal(certificates.current(), first);
  await clock.advance(2 * dayMs);
  await clock.pause();
  t.not(certificates.current().cert, first.cert);
  t.not(certificates.current().key, first.key, 'with a new key');
  t.equal(authority.count('account'), 2, 'by the same account');
  t.match(authority.asked.at(-1)?.step, /^certificate/);
});

t.test('an authority can have a certificate renewed early', async (t) => {
  const { authority, clock, open } = await setUp(t);
  const { script } = authority;
  script.certify = (hosts, key) =>
    authority.authority.certify(hosts, key, { from: new Date(clock.now()), days: 9 });
  const asked: string[] = [];
  let wished = clock.now() + 8 * dayMs;
  script.renewalInfo = (id) => {
    asked.push(id);
    const end = new Date(wished + dayMs).toISOString();
    return { suggestedWindow: { start: new Date(wished).toISOString(), end } };
  };
  const certificates = await open();
  certificates.start();
  await clock.pause();
  const first = certificates.current();
  const { serialNumber } = certificateOf(certificates);
  const [, serial = ''] = asked[0]?.split('.') ?? [];
  t.equal(Buffer.from(serial, 'base64url').toString('hex').toUpperCase(), serialNumber);
  await clock.advance(dayMs);
  await clock.pause();
  t.equal(asked.length, 5, 'every six hours');

  wished = clock.now();
  await clock.advance(limits.renewalInfoMsDefault);
  await clock.pause();
  const second = certificates.current();
  t.not(second.cert, first.cert, 'it is renewed when that was heard');
  await clock.advance(limits.renewalInfoMsMax / 2);
  t.equal(certificates.current(), second, 'not again and again');
  await clock.advance(limits.renewalInfoMsMax / 2);
  await clock.pause();
  const third = certificates.current();
  t.not(third.cert, second.cert);

  script.renewalInfo = () => ({ suggestedWindow: { start: 'soon', end: 5 } });
  certificates.reload();
  await clock.advance(dayMs);
  await clock.pause();
  const fourth = certificates.current();
  t.not(fourth.cert, third.cert, 'a person need not wait for what the authority wishes');
  await clock.advance(4 * dayMs);
  t.equal(certificates.current(), fourth);
  await clock.advance(2 * dayMs);
  await clock.pause();
  t.not(certificates.current().cert, fourth.cert, 'our own rule holds without a word of use');
});

t.test(
  'an authority whose certificates are old when they come is not asked on and on',
  async (t) => {
    const { authority, clock, open } = await setUp(t);
    authority.script.certify = (hosts, key) => {
      const from = new Date(clock.now() - 80 * dayMs);
      return authority.authority.certify(hosts, key, { from, days: 90 });
    };
    const certificates = await open();
    certificates.start();
    await clock.pause();
    await clock.advance(4 * dayMs);
    t.equal(authority.count('finalize'), 1);
    await clock.advance(2 * dayMs);
    await clock.pause();
    t.equal(authority.count('finalize'), 2, 'after half of the days that it has left');
    authority.script.certify = (hosts, key) =>
      authority.authority.certify(hosts, key, { from: new Date(clock.now()), days: 10 / 86_400 });
    certificates.reload();
    t.equal(await clock.pause(), limits.acmeRetryMsMin, 'two minutes, if it lives for seconds');
  },
);

t.test('a certificate is named as RFC 9773 has it', async (t) => {
  // https://www.rfc-editor.org/rfc/rfc9773#appendix-A
  const example = new X509Certificate(`-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`);
  t.equal(certificateId(example), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
});

t.test('a refused nonce is replaced, but not for ever', async (t) => {
  const { authority, clock, open, lines } = await setUp(t);
  authority.script.badNonces = limits.acmeNoncesTriedMax - 1;
  const certificates = await open();
  certificates.start();
  await clock.pause();
  t.equal(certificates.current().origin, 'acme');
  await certificates.stop();

  authority.script.badNonces = 1_000;
  const before = authority.asked.length;
  const other = await open({ CANDOR_TLS_ACME_HOSTS: 'other.chat.example' });
  other.start();
  await clock.pause();
  t.equal(authority.asked.length - before, limits.acmeNoncesTriedMax);
  t.match(lines.at(-1), /badNonce/);
  t.equal(other.current().origin, 'acme', 'the one before is shown on');
});

t.test('after a failure the pauses grow, and a person can cut them short', async (t) => {
  const { authority, clock, open, file } = await setUp(t);
  await authority.stop();
  const certificates = await open();
  certificates.start();
  t.equal(await clock.pause(), limits.acmeRetryMsMin, 'the authority is down at the start');
  t.equal(certificates.current().origin, 'stand-in');
  for (const factor of [2, 4, 8]) {
    await clock.advance(await clock.pause());
    t.equal(await clock.pause(), limits.acmeRetryMsMin * factor);
  }
  const failure = JSON.parse(await readFile(file('acme-failure.json'), 'utf8'));
  t.match(failure, { failures: 4, reason: /ECONNREFUSED/, isAskedFor: false });

  await authority.start();
  certificates.reload();
  t.equal(await clock.pause(), 3_600_000);
  t.equal(certificates.current().origin, 'acme');
  await t.rejects(stat(file('acme-failure.json')), /ENOENT/);
  const asked = authority.asked.length;
  certificates.reload();
  await clock.pause();
  t.equal(authority.asked.length, asked, 'a good certificate is not ordered anew');
});

t.test('a start after a failure tries again, but not at once and not for ever', async (t) => {
  const { authority, clock, open } = await setUp(t);
  await authority.stop();
  const certificates = await open();
  certificates.start();
  for (let times = 0; times < 5; times += 1) await clock.advance(await clock.pause());
  await clock.pause();
  await certificates.stop();
  const again = await open();
  again.start();
  t.equal(await clock.pause(), limits.acmeRetryMsMin);
  await again.stop();
  await authority.start();
  const other = await open({ CANDOR_TLS_ACME_HOSTS: '' });
  other.start();
  await clock.pause();
  t.equal(other.current().origin, 'acme', 'with other settings it is another matter');
});

t.test('the authority says when to come again, and a restart does not change that', async (t) => {
  const { authority, clock, open, file } = await setUp(t);
  authority.script.instead.set('order', problem(429, 'rateLimited', { 'retry-after': '7200' }));
  const certificates = await open();
  certificates.start();
  t.equal(await clock.pause(), 3_600_000, 'the first hour of two');
  certificates.reload();
  t.equal(await clock.pause(), 3_600_000, 'a person cannot cut it short');
  await certificates.stop();
  const again = await open();
  again.start();
  await clock.advance(3_600_000);
  t.equal(authority.count('order'), 1);
  authority.script.instead.clear();
  await clock.advance(3_600_000);
  await clock.pause();
  t.equal(again.current().origin, 'acme');
  await again.stop();

  const until = new Date(clock.now() + 30 * dayMs).toUTCString();
  authority.script.instead.set('order', problem(503, 'rateLimited', { 'retry-after': until }));
  const other = await open({ CANDOR_TLS_ACME_HOSTS: 'other.chat.example' });
  other.start();
  await clock.pause();
  const { retryAt } = JSON.parse(await readFile(file('acme-failure.json'), 'utf8'));
  t.equal(retryAt - clock.now(), limits.acmeRetryAfterMsMax, 'a date, and no longer than a week');
});

t.test('an order that takes its time is looked at in the pauses it asks for', async (t) => {
  const { authority, clock, open } = await setUp(t);
  authority.script.passing.push({ status: 'pending', retryAfter: '3' }, { status: 'pending' });
  const certificates = await open();
  certificates.start();
  t.equal(await clock.pause(), 3_000);
  await clock.advance(3_000);
  t.equal(await clock.pause(), 2 * limits.acmePollMsMin);
  await clock.advance(2 * limits.acmePollMsMin);
  t.equal(await clock.pause(), 3_600_000);
  t.equal(certificates.current().origin, 'acme');
});

t.test('an order without end is given up, and stopping does not wait for it', async (t) => {
  const { authority, clock, open, lines } = await setUp(t);
  authority.script.passing.push(...Array.from({ length: 1_000 }, () => ({ status: 'pending' })));
  const certificates = await open();
  certificates.start();
  await clock.advance(limits.acmeOrderMsMax);
  while (!lines.at(-1)?.includes('stays pending')) await clock.advance(limits.acmePollMsMax);
  t.match(lines.at(-1), /the order stays pending/);
  await clock.advance(limits.acmeRetryMsMin);
  await clock.pause();
  await certificates.stop();
  t.match(lines.at(-1), /is ordered/, 'no failure is told');
});

t.test(
  'what goes wrong at the authority is told with its reason, and nothing is shown',
  async (t) => {
    const { authority, clock, open, lines } = await setUp(t);
    const { script } = authority;
    const say =
      (type: string, text: string, headers = {}) =>
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-type': type, ...headers }).end(text);
      };
    const certificate = authority.url.replace('directory', 'certificate/0');
    const certify = script.certify;
    const json = 'application/json';
    const stranger = await startScriptedAuthority(t);
    const faults: [string, () => void, RegExp][] = [
      [
        'no directory',
        () => script.instead.set('directory', problem(404, 'malformed')),
        /gives no directory, status 404/,
      ],
      [
        'a directory that is a page',
        () => script.instead.set('directory', say('text/html', '<p>hello')),
        /has no 'newNonce'/,
      ],
      ['broken JSON', () => script.instead.set('directory', say(json, '{"newNonce":')), /not JSON/],
      [
        'addresses without TLS',
        () => script.instead.set('directory', say(json, '{"newNonce":"http://a/"}')),
        /has no 'newNonce'/,
      ],
      [
        'an endless answer',
        () => script.instead.set('directory', say(json, ' '.repeat(200_000))),
        /over 131072 bytes/,
      ],
      [
        'no nonce',
        () => script.instead.set('nonce', (response) => response.writeHead(204).end()),
        /gives no nonce/,
      ],
      [
        'an account that is refused',
        () => script.instead.set('account', problem(403, 'unauthorized')),
        /unauthorized, scripted/,
      ],
      [
        'an account without a name',
        () => script.instead.set('account', say(json, '{}')),
        /does not name the account/,
      ],
      [
        'an order without a status',
        () => script.instead.set('order', say(json, '{}', { location: certificate })),
        /gives no status/,
      ],
      [
        'an order that fails',
        () => script.passing.push({ status: 'invalid' }),
        /the order is invalid/,
      ],
      [
        'a challenge of another kind',
        () =>
          script.instead.set(
            'authorization',
            say(
              json,
              '{"status":"pending","identifier":{"value":"chat.example"},"challenges":[{"type":"dns-01"}]}',
            ),
          ),
        /chat\.example: .*http-01/,
      ],
      [
        'a token that is a path',
        () =>
          script.instead.set(
            'authorization',
            say(json, '{"status":"pending","challenges":[{"type":"http-01","token":"../x"}]}'),
          ),
        /http-01/,
      ],
      [
        'a challenge that nobody answers',
        () => {
          script.challengePort = 1;
        },
        /chat\.example could not be shown to be ours: connection, nobody there; port 80/,
      ],
      [
        'a certificate for another key',
        () => {
          script.certify = (hosts) => stranger.authority.issue(hosts).cert;
        },
        /it is for another key/,
      ],
      [
        'a certificate for other names',
        () => {
          script.certify = (_, key) => certify(['chat.example'], key);
        },
        /it is not for www\.chat\.example/,
      ],
      [
        'a certificate that ran out',
        () => {
          script.certify = (hosts, key) =>
            authority.authority.certify(hosts, key, { from: new Date('2001-01-01'), days: 9 });
        },
        /it ran out on/,
      ],
      [
        'no certificate at all',
        () => {
          script.certify = () => 'sorry';
        },
        /there is no certificate in it/,
      ],
      [
        'a broken certificate',
        () => {
          script.certify = () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
        },
        /it cannot be read/,
      ],
    ];
    const certificates = await open();
    certificates.onChange(({ origin }) => t.fail(origin));
    certificates.start();
    let isFirst = true;
    for (const [name, bring, reason] of faults) {
      script.instead.clear();
      script.passing.length = 0;
      script.challengePort = undefined;
      script.certify = certify;
      bring();
      const told = lines.length;
      if (!isFirst) certificates.reload();
      isFirst = false;
      while (lines.length === told || !/tried again/.test(lines.at(-1) ?? ''))
        await clock.pause().then(() => new Promise(setImmediate));
      t.match(lines.slice(told).join(''), reason, name);
      t.equal(certificates.current().origin, 'stand-in', name);
    }
  },
);

t.test('an account elsewhere is bound by its key, which stays out of the log', async (t) => {
  const { authority, clock, open, lines } = await setUp(t);
  const hmacKey = Buffer.alloc(32, 'k').toString('base64url');
  authority.script.externalKeys.set('kid-1', hmacKey);
  const without = await open();
  without.start();
  await clock.pause();
  t.match(lines.at(-1), /externalAccountRequired, .*tls\.acme\.eab_key_id/);
  await without.stop();
  const bound = await open({
    CANDOR_TLS_ACME_EAB_KEY_ID: 'kid-1',
    CANDOR_TLS_ACME_EAB_HMAC_KEY: hmacKey,
    CANDOR_TLS_ACME_HOSTS: '',
    CANDOR_TLS_ACME_EMAIL: 'ops@chat.example',
  });
  bound.start();
  await clock.pause();
  t.equal(bound.current().origin, 'acme');
  t.match(authority.asked.findLast(({ step }) => step === 'account')?.payload, {
    contact: ['mailto:ops@chat.example'],
  });
  t.notMatch(lines.join(''), hmacKey);
});

t.test(
  'a file that cannot be read as a certificate is replaced, another authority asked anew',
  async (t) => {
    const { authority, clock, open, file } = await setUp(t);
    const certificates = await open();
    certificates.start();
    await clock.pause();
    await certificates.stop();
    const kept = await readFile(file('acme.pem'), 'utf8');
    for (const text of [
      '',
      kept.slice(0, 300),
      kept.replace(/^Directory: .*/, 'Directory: https://ca.example/'),
    ]) {
      await writeFile(file('acme.pem'), text);
      const again = await open();
      const orders = authority.count('finalize');
      again.start();
      await clock.pause();
      t.equal(authority.count('finalize'), orders + 1);
      t.equal(again.current().origin, 'acme');
      await again.stop();
    }
  },
);
