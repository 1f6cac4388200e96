import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { limits } from '@candor/spec';
import t from 'tap';
import { problem } from '../testing/authority-steps.ts';
import { startScriptedAuthority } from '../testing/scripted-authority.ts';
import { setUpAcme } from '../testing/set-up-acme.ts';

t.test('the first certificate is ordered at the start, checked and kept privately', async (t) => {
  const { authority, clock, lines, open, file, dataDir } = await setUpAcme(t);
  const certificates = await open();
  t.equal(certificates.current().origin, 'stand-in');
  const shown: string[] = [];
  certificates.onChange(({ cert }) => shown.push(cert));
  certificates.start();
  t.equal(await clock.pause(), 3_600_000, 'nothing is left to do but wait');

  const { cert, key, origin } = certificates.current();
  t.equal(origin, 'acme');
  t.strictSame(shown, [cert]);
  const certificate = new X509Certificate(certificates.current().cert);
  for (const name of ['chat.example', 'www.chat.example']) t.ok(certificate.checkHost(name), name);
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

t.test('a refused nonce is replaced, but not for ever', async (t) => {
  const { authority, clock, open, lines } = await setUpAcme(t);
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

t.test('an order that takes its time is looked at in the pauses it asks for', async (t) => {
  const { authority, clock, open } = await setUpAcme(t);
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
  const { authority, clock, open, lines } = await setUpAcme(t);
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
    const { authority, clock, open, lines } = await setUpAcme(t);
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
        'a refusal that would write on the terminal',
        () => script.instead.set('account', problem(403, 'a\u001b[2Jb')),
        /403: a \[2Jb, scripted/,
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

t.test('a file of authorities that cannot be used stops the start, by name', async (t) => {
  const { dataDir, open } = await setUpAcme(t);
  const none = join(dataDir, 'none.pem');
  await t.rejects(open({ CANDOR_TLS_ACME_CA: none }), /^tls\.acme\.ca_file: .* cannot be read/);
  await writeFile(none, 'nothing');
  await t.rejects(
    open({ CANDOR_TLS_ACME_CA: none }),
    /^tls\.acme\.ca_file: .* holds no certificate/,
  );
});

t.test('an account elsewhere is bound by its key, which stays out of the log', async (t) => {
  const { authority, clock, open, lines } = await setUpAcme(t);
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
    const { authority, clock, open, file } = await setUpAcme(t);
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
