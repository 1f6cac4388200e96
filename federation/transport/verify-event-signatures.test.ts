import { sign } from 'node:crypto';
import t from 'tap';
import { encodeBase64 } from '../json/unpadded-base64.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import { startKeyNetwork, testKey } from './testing/start-key-network.ts';
import { type EventSignatures, verifyEventSignatures } from './verify-event-signatures.ts';

const start = 1_700_000_000_000;
const day = 86_400_000;
const [first, second] = [testKey('a'), testKey('b')];
const bytes = (text: string) => Buffer.from(text);

const signature = (serverName: string, key: SigningKey, text: string) => ({
  serverName,
  keyId: key.keyId,
  signature: encodeBase64(sign(null, bytes(text), key.privateKey)),
});

const event = (text: string, ...required: EventSignatures['required']): EventSignatures => ({
  signedBytes: bytes(text),
  required,
  originServerTs: start,
  enforceKeyValidity: true,
});

t.test('each event has its own verdict, and all keys are asked for at once', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', first));
  net.serve('two.test', net.document('two.test', second));
  const one = signature('one.test', first, 'x');
  const two = signature('two.test', second, 'x');
  const rows: readonly (readonly [string, EventSignatures, string | undefined])[] = [
    ['signed', event('x', one), undefined],
    ['signed by both', event('x', one, two), undefined],
    ['one of two is wrong', event('y', signature('one.test', first, 'y'), two), 'bad signature'],
    ['other bytes', event('z', one), 'bad signature'],
    [
      'another server key',
      event('x', { ...one, serverName: 'two.test', keyId: 'ed25519:b' }),
      'bad signature',
    ],
    ['an unknown key', event('x', { ...one, keyId: 'ed25519:zz' }), 'no valid key'],
    [
      'an unknown key beside a known one',
      event('x', { ...one, keyId: 'ed25519:zz' }, one),
      undefined,
    ],
    ['a server without keys', event('x', { ...one, serverName: 'notary.test' }), 'no valid key'],
    ['no base64', event('x', { ...one, signature: '???' }), 'bad signature'],
    ['too short', event('x', { ...one, signature: one.signature.slice(0, 40) }), 'bad signature'],
    ['nothing required', event('x'), undefined],
  ];
  const events = rows.map(([, item]) => item);
  const verdicts = await verifyEventSignatures(events, net.makeRing());
  for (const [i, [name, , rule]] of rows.entries()) {
    t.match(verdicts[i], rule === undefined ? { allowed: true } : { allowed: false, rule }, name);
  }
  t.equal(net.asked('one.test'), 1);
  t.equal(net.asked('two.test'), 1);
});

t.test('from room version 5 on a key counts only for the time it was valid', async (t) => {
  const net = await startKeyNetwork(t, start);
  const oldKeys = { 'ed25519:b': { key: second.publicKey, expiredTs: start - day } };
  net.serve('one.test', net.document('one.test', first, oldKeys, day));
  const keyRing = net.makeRing();
  const allowed = async (key: SigningKey, originServerTs: number, enforceKeyValidity: boolean) => {
    const item = { ...event('x', signature('one.test', key, 'x')), originServerTs };
    const [verdict] = await verifyEventSignatures([{ ...item, enforceKeyValidity }], keyRing);
    return verdict?.allowed;
  };
  t.equal(await allowed(first, start + day, true), true);
  t.equal(await allowed(first, start + day + 1, true), false);
  t.equal(await allowed(first, start + day + 1, false), true);
  t.equal(await allowed(second, start - day, true), true);
  t.equal(await allowed(second, start - day + 1, true), false);
  t.equal(await allowed(second, start - day + 1, false), true);
});

t.test('a thousand events are verified in one call', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', first));
  const events = Array.from({ length: 1_000 }, (_, i) =>
    event(`${i}`, signature('one.test', first, i % 100 === 0 ? 'forged' : `${i}`)),
  );
  const before = performance.now();
  const verdicts = await verifyEventSignatures(events, net.makeRing());
  t.comment(`${Math.round(1e6 / (performance.now() - before))} signatures a second`);
  t.strictSame(
    verdicts.flatMap(({ allowed }, i) => (allowed ? [] : [i])),
    Array.from({ length: 10 }, (_, i) => i * 100),
  );
});
