import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { limits } from '@candor/spec';
import t from 'tap';
import { problem } from '../testing/authority-steps.ts';
import { setUpAcme } from '../testing/set-up-acme.ts';
import { certificateId } from './renewal-info.ts';

const dayMs = 86_400_000;

t.test('a third of the lifetime before it runs out it is renewed, and shown at once', async (t) => {
  const { authority, clock, open } = await setUpAcme(t);
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
  const { authority, clock, open } = await setUpAcme(t);
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
  const { serialNumber } = new X509Certificate(certificates.current().cert);
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
    const { authority, clock, open } = await setUpAcme(t);
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

t.test('after a failure the pauses grow, and a person can cut them short', async (t) => {
  const { authority, clock, open, file } = await setUpAcme(t);
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
  const { authority, clock, open } = await setUpAcme(t);
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
  const { authority, clock, open, file } = await setUpAcme(t);
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
