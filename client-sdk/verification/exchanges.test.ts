import type { JsonObject } from '@candor/federation';
import t from 'tap';
import { type SeenAs, verifying, verifyingPair } from '../testing/verifying-peer.ts';
import type { OwnSide } from './flow.ts';
import { qrCode } from './qr-code.ts';
import { qrExchange } from './qr-exchange.ts';
import { sas } from './sas.ts';

const { alice, bob, laptop, otherKey } = verifying;
const { ready, comparing, settle } = verifyingPair;

t.test('two users compare the same signs, and both know the other’s master key', async (t) => {
  const [one, other] = comparing(alice, bob);
  t.same([one.at, other.at], ['comparing', 'comparing']);
  t.equal(one.shown?.emoji.length, 7);
  t.same(one.shown, other.shown);
  one.does({ kind: 'confirm' });
  settle(one, other);
  t.same([one.at, other.at], ['confirmed', 'comparing']);
  other.does({ kind: 'confirm' });
  settle(one, other);
  t.same([one.at, other.at], ['verified', 'verified']);
  t.same(one.proofs, [{ masterKey: bob.masterKey }]);
  t.same(other.proofs, [{ masterKey: alice.masterKey }]);
});

t.test('between devices of one user each proves its key, and one the master key', async (t) => {
  const [one, other] = comparing(laptop, alice);
  one.does({ kind: 'confirm' });
  other.does({ kind: 'confirm' });
  settle(one, other);
  const { masterKey } = alice;
  t.same(one.proofs, [{ device: { deviceId: 'PHONE', deviceKey: alice.deviceKey }, masterKey }]);
  t.same(other.proofs, [{ device: { deviceId: 'LAPTOP', deviceKey: laptop.deviceKey } }]);
});

t.test('a new device that was shown another master key of its own user is told', async (t) => {
  const misled = { ...laptop, masterKey: otherKey };
  const seen: SeenAs = [{ masterKey: otherKey }, {}];
  const [one, other] = comparing(misled, alice, { seen });
  one.does({ kind: 'confirm' });
  other.does({ kind: 'confirm' });
  settle(one, other);
  t.same([one.code, other.code], ['m.key_mismatch', 'm.key_mismatch']);
  for (const isShowing of [true, false]) {
    const [third, fourth] = ready(misled, alice, { seen });
    const [shows, scans] = isShowing ? [third, fourth] : [fourth, third];
    const bytes = qrExchange.shown(shows.flow) ?? new Uint8Array();
    t.equal(scans.does({ kind: 'scan', bytes }), 'wrong-keys');
  }
});

t.test('a code proves its first key to who scans it and its second to who shows it', async (t) => {
  const deviceOf = ({ deviceId, deviceKey }: OwnSide) => ({ device: { deviceId, deviceKey } });
  const { masterKey } = alice;
  for (const { shows, scans, proofs } of [
    { shows: alice, scans: bob, proofs: [{ masterKey: bob.masterKey }, { masterKey }] },
    { shows: alice, scans: laptop, proofs: [deviceOf(laptop), { masterKey }] },
    { shows: laptop, scans: alice, proofs: [{ masterKey }, deviceOf(laptop)] },
  ]) {
    const [one, other] = ready(shows, scans);
    t.equal(other.does({ kind: 'scan', bytes: Buffer.from('MATRIX') }), 'unreadable');
    const code = qrExchange.shown(one.flow) ?? new Uint8Array();
    t.equal(other.does({ kind: 'scan', bytes: code }), undefined);
    settle(one, other);
    t.same([one.at, other.at], ['scanned', 'scanning']);
    t.same([one.proofs, other.proofs], [[], []]);
    one.does({ kind: 'confirm' });
    settle(one, other);
    t.same([one.at, other.at], ['verified', 'verified']);
    t.same([one.proofs, other.proofs], [[proofs[0]], [proofs[1]]]);
  }
});

t.test(
  'codes of another verification, of other keys and without the secret prove nothing',
  async (t) => {
    const [one, other] = ready(alice, bob);
    const code = qrCode.read(qrExchange.shown(one.flow) ?? new Uint8Array());
    t.ok(code);
    if (!code) return;
    const scan = (changed: Partial<typeof code>) => {
      const [, scanner] = ready(alice, bob);
      const refused = scanner.does({ kind: 'scan', bytes: qrCode.write({ ...code, ...changed }) });
      return [refused, scanner.at, scanner.code];
    };
    t.same(scan({ id: 'another' }), ['other-verification', 'ready', undefined]);
    const wrong = ['wrong-keys', 'cancelled', 'm.key_mismatch'];
    t.same(scan({ firstKey: otherKey }), wrong);
    t.same(scan({ secondKey: otherKey }), wrong);
    t.same(scan({ mode: 'own-trusting' }), wrong);
    t.same(scan({ mode: 'own-not-trusting' }), wrong);
    other.does({ kind: 'scan', bytes: qrCode.write({ ...code, secret: new Uint8Array(16) }) });
    settle(one, other);
    t.same([one.code, other.code], ['m.key_mismatch', 'm.key_mismatch']);
    const [third, fourth] = [
      laptop,
      { ...laptop, deviceId: 'TABLET', deviceKey: verifying.keyOf(6) },
    ];
    const [blind, blinder] = ready(third, fourth);
    const bytes = qrExchange.shown(blind.flow) ?? new Uint8Array();
    t.equal(blinder.does({ kind: 'scan', bytes }), 'wrong-keys', 'neither trusts the master key');
  },
);

t.test(
  'a man in the middle who exchanges keys is seen, and one who saw both comes too late',
  async (t) => {
    const mallory = sas.newKey();
    const [one, other] = ready(alice, bob);
    one.does({ kind: 'start-sas' });
    const [start] = one.outbox.splice(0);
    if (start) other.hears(start);
    const [accept] = other.outbox.splice(0);
    if (!accept || !start) throw new Error('no accept');
    // He has to promise Alice a key before he sees hers.
    const commitment = sas.commitment(mallory.publicKey, start.content);
    one.hears({ type: 'accept', content: { ...accept.content, commitment } });
    const key = { transaction_id: 'transaction', key: mallory.publicKey };
    one.hears({ type: 'key', content: key });
    other.hears({ type: 'key', content: key });
    t.same([one.at, other.at], ['comparing', 'comparing']);
    t.notSame(one.shown?.emoji, other.shown?.emoji);
    t.notSame(one.shown?.decimal, other.shown?.decimal);
    one.outbox.splice(0);
    other.outbox.splice(0);
    one.does({ kind: 'mismatch' });
    settle(one, other);
    t.same([one.code, other.code], ['m.mismatched_sas', 'm.mismatched_sas']);

    const [third, fourth] = ready(alice, bob);
    third.does({ kind: 'start-sas' });
    for (const message of third.outbox.splice(0)) fourth.hears(message);
    for (const message of fourth.outbox.splice(0)) third.hears(message);
    third.hears({ type: 'key', content: key });
    t.equal(third.code, 'm.mismatched_commitment');
  },
);

t.test('a server that exchanged a master key is found out, and nothing is marked', async (t) => {
  for (const seen of [
    [{ masterKey: otherKey }, {}],
    [{}, { masterKey: otherKey }],
  ] as const) {
    const [one, other] = comparing(alice, bob, { seen });
    t.same(one.shown, other.shown, 'the signs say nothing about the keys');
    one.does({ kind: 'confirm' });
    other.does({ kind: 'confirm' });
    settle(one, other);
    t.same([one.code, other.code], ['m.key_mismatch', 'm.key_mismatch']);
    t.same([...one.proofs, ...other.proofs], []);
  }
});

t.test('authentication codes that were changed prove nothing', async (t) => {
  const changes: ((content: JsonObject) => JsonObject)[] = [
    (content) => ({ ...content, keys: 'AAAA' }),
    (content) => ({ ...content, mac: {} }),
    (content) => ({ ...content, mac: { ...Object(content['mac']), 'ed25519:X': 'AAAA' } }),
    (content) => ({
      ...content,
      mac: Object.fromEntries(Object.entries(Object(content['mac'])).slice(1)),
    }),
    (content) => ({
      ...content,
      mac: Object.fromEntries(
        Object.keys(Object(content['mac'])).map((keyId) => [keyId, verifying.keyOf(7)]),
      ),
    }),
  ];
  for (const change of changes) {
    const [one, other] = comparing(alice, bob);
    one.does({ kind: 'confirm' });
    other.does({ kind: 'confirm' });
    const [mac] = other.outbox.splice(0);
    if (!mac) throw new Error('no mac');
    one.hears({ type: 'mac', content: change(mac.content) });
    settle(one, other);
    t.same([one.code, other.code], ['m.key_mismatch', 'm.key_mismatch']);
    t.same([...one.proofs, ...other.proofs], []);
  }
  const [one] = comparing(alice, bob);
  one.hears({ type: 'mac', content: { mac: 'none', keys: 1 } });
  t.equal(one.code, 'm.invalid_message');
});

t.test('whoever does not know their own master key does not vouch for it', async (t) => {
  const [one, other] = comparing({ ...alice, vouches: false }, bob);
  one.does({ kind: 'confirm' });
  other.does({ kind: 'confirm' });
  settle(one, other);
  t.same([one.code, other.code], ['m.key_mismatch', 'm.key_mismatch']);
});
