import type { JsonObject } from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import {
  type SeenAs,
  type VerificationMessage,
  VerifyingPeer,
  verifying,
  verifyingPair,
} from '../testing/verifying-peer.ts';
import { type Flow, flows } from './flow.ts';
import { allMethods, newFlow } from './new-flow.ts';
import { qrExchange } from './qr-exchange.ts';
import { type Input, step } from './step.ts';

const { alice, bob, laptop, otherKey, now } = verifying;
const { begin, ready, comparing, settle } = verifyingPair;
const minutes = 60_000;

t.test('of two starts that of the lesser user, or device, counts', async (t) => {
  for (const [lesser, greater] of [
    [alice, bob],
    [laptop, alice],
  ] as const) {
    for (const order of [
      [lesser, greater],
      [greater, lesser],
    ] as const) {
      const [one, other] = ready(...order);
      one.does({ kind: 'start-sas' });
      other.does({ kind: 'start-sas' });
      const [first] = [one, other].flatMap(({ flow }) => (flow.own === lesser ? [flow.state] : []));
      settle(one, other);
      t.same([one.at, other.at], ['comparing', 'comparing']);
      t.same(one.shown, other.shown);
      t.equal(first?.at, 'starting');
      one.does({ kind: 'confirm' });
      other.does({ kind: 'confirm' });
      settle(one, other);
      t.same([one.at, other.at], ['verified', 'verified']);
    }
  }
  const [one, other] = ready(alice, bob);
  const code = qrExchange.shown(other.flow) ?? new Uint8Array();
  other.does({ kind: 'start-sas' });
  one.does({ kind: 'scan', bytes: code });
  settle(one, other);
  t.same([one.code, other.code], ['m.unexpected_message', 'm.unexpected_message']);
  const [third, fourth] = ready(alice, bob);
  const codes = [third, fourth].map(({ flow }) => qrExchange.shown(flow) ?? new Uint8Array());
  third.does({ kind: 'scan', bytes: codes[1] ?? new Uint8Array() });
  fourth.does({ kind: 'scan', bytes: codes[0] ?? new Uint8Array() });
  settle(third, fourth);
  t.same([third.at, fourth.at], ['scanning', 'scanned'], 'both scanned: the first one’s counts');
  fourth.does({ kind: 'confirm' });
  settle(third, fourth);
  t.same([third.at, fourth.at], ['verified', 'verified']);
});

t.test('methods and algorithms without anything in common', async (t) => {
  const [one, other] = begin(alice, bob, { methods: ['m.qr_code.show.v1', 'm.reciprocate.v1'] });
  other.does({ kind: 'accept', now });
  t.same(other.outbox[0]?.content['methods'], ['m.qr_code.scan.v1', 'm.reciprocate.v1']);
  settle(one, other);
  t.equal(one.does({ kind: 'start-sas' }), 'not-now');
  const [, deaf] = begin(alice, bob, { methods: [] });
  t.equal(deaf.does({ kind: 'accept', now }), 'no-common-method');
  t.equal(deaf.at, 'offered', 'another device may understand more');
  const [asking] = begin(alice, bob);
  asking.hears({ type: 'ready', content: { from_device: 'PHONE', methods: ['m.other'] } });
  t.equal(asking.code, 'm.unknown_method');
  const start = {
    from_device: 'PHONE',
    method: 'm.sas.v1',
    key_agreement_protocols: ['curve25519-hkdf-sha256'],
    hashes: ['sha256'],
    message_authentication_codes: ['hkdf-hmac-sha256.v2', 'hkdf-hmac-sha256'],
    short_authentication_string: ['decimal'],
  };
  const codeAfter = (type: string, content: JsonObject, before?: Input) => {
    const [, peer] = ready(alice, bob);
    if (before) peer.does(before);
    peer.hears({ type, content });
    return peer.code ?? peer.at;
  };
  t.equal(codeAfter('start', start), 'accepted');
  for (const changed of [
    { method: 'm.other' },
    { key_agreement_protocols: ['curve25519'] },
    { hashes: ['md5'] },
    { hashes: 'sha256' },
    { message_authentication_codes: ['hkdf-hmac-sha256'] },
    { short_authentication_string: ['colours'] },
  ]) {
    t.equal(codeAfter('start', { ...start, ...changed }), 'm.unknown_method');
  }
  t.equal(codeAfter('start', { ...start, number: 1.5 }), 'm.invalid_message');
  const accept = {
    key_agreement_protocol: 'curve25519-hkdf-sha256',
    hash: 'sha256',
    message_authentication_code: 'hkdf-hmac-sha256.v2',
    short_authentication_string: ['decimal', 'emoji'],
    commitment: 'x',
  };
  const sasStart = { kind: 'start-sas' } as const;
  t.equal(codeAfter('accept', accept, sasStart), 'key-sent');
  t.equal(codeAfter('accept', { ...accept, hash: 'sha512' }, sasStart), 'm.unknown_method');
  t.equal(codeAfter('accept', { ...accept, commitment: 1 }, sasStart), 'm.invalid_message');
});

t.test('keys that are none, or with which everybody would know the secret', async (t) => {
  for (const key of [1, '', 'AAAA', `${verifying.keyOf(3)}=`, verifying.keyOf(0)]) {
    const [one, other] = ready(alice, bob);
    one.does({ kind: 'start-sas' });
    for (const message of one.outbox.splice(0)) other.hears(message);
    other.hears({ type: 'key', content: { key } });
    t.equal(other.code, 'm.invalid_message', String(key));
  }
});

t.test('several devices are asked and one answers', async (t) => {
  const [one, other] = begin(alice, bob);
  const tablet = { ...bob, deviceId: 'TABLET', deviceKey: verifying.keyOf(6) };
  other.does({ kind: 'accept', now });
  const { actions } = step(one.flow, {
    ...{ kind: 'received', type: 'ready', sender: bob.userId, senderDevice: null, from: bob },
    content: other.outbox[0]?.content ?? {},
  });
  t.match(actions, [{ kind: 'send', devices: ['TABLET'], content: { code: 'm.accepted' } }]);
  settle(one, other);
  one.does({
    ...{ kind: 'received', type: 'ready', sender: bob.userId, senderDevice: null, from: tablet },
    content: { from_device: 'TABLET', methods: ['m.sas.v1'] },
  });
  t.equal(one.at, 'ready', 'the second device is too late');
  t.equal(one.flow.other?.deviceId, 'PHONE');
  const [declined] = begin(alice, bob);
  const cancel = { code: 'm.user', reason: 'no' };
  declined.hears({ type: 'cancel', content: cancel });
  t.match(declined.outbox, [{ type: 'cancel', content: { code: 'm.user' } }], 'the others hear it');
  const [, offered] = begin(alice, bob);
  offered.hears({ type: 'cancel', content: { code: 'm.accepted', reason: '' } });
  t.match(offered.flow.state, { at: 'cancelled', code: 'm.accepted', byUs: false });
  t.same(offered.outbox, []);
});

t.test('in a room everybody hears everybody', async (t) => {
  const offer = { id: '$request', roomId: '!room', fromDevice: 'PHONE', methods: allMethods };
  const flow = newFlow.offered({ ...offer, sentAt: now }, bob, alice, now);
  const hears = (from: Flow, sender: string, senderDevice: string, type: string, content = {}) =>
    step(from, { kind: 'received', type, content, sender, senderDevice, from: undefined });
  const elsewhere = hears(flow, bob.userId, 'TABLET', 'ready').flow;
  t.match(elsewhere.state, { at: 'cancelled', code: 'm.accepted' });
  t.same(hears(flow, bob.userId, 'TABLET', 'key').flow.state, flow.state);
  const accepted = step(flow, { kind: 'accept', now });
  t.match(accepted.actions, [
    { content: { 'm.relates_to': { rel_type: 'm.reference', event_id: '$request' } } },
  ]);
  t.notOk(JSON.stringify(accepted.actions).includes('transaction_id'));
  const state = { at: 'ready' };
  t.same(hears(accepted.flow, '@carol:c.example', 'PHONE', 'cancel').flow.state, state);
  t.same(hears(accepted.flow, alice.userId, 'TABLET', 'key').flow.state, state);
  t.same(hears(accepted.flow, bob.userId, 'TABLET', 'cancel').flow.state, state);
});

t.test('requests and verifications end with time', async (t) => {
  const offer = { id: 'x', roomId: null, fromDevice: 'PHONE', methods: allMethods };
  t.ok(newFlow.isTimely({ ...offer, sentAt: now - 10 * minutes }, now));
  t.notOk(newFlow.isTimely({ ...offer, sentAt: now - 10 * minutes - 1 }, now));
  t.ok(newFlow.isTimely({ ...offer, sentAt: now + 5 * minutes }, now));
  t.notOk(newFlow.isTimely({ ...offer, sentAt: now + 5 * minutes + 1 }, now));
  const expiry = (sentAt: number) =>
    newFlow.offered({ ...offer, sentAt }, bob, alice, now).expiresAt - now;
  t.equal(expiry(now), 2 * minutes);
  t.equal(expiry(now - 9 * minutes), minutes);
  const [, prompt] = begin(alice, bob);
  prompt.does({ kind: 'time', now: now + 2 * minutes - 1 });
  t.equal(prompt.at, 'offered');
  prompt.does({ kind: 'time', now: now + 2 * minutes });
  t.equal(prompt.code, 'm.timeout');
  t.same(prompt.outbox, [], 'another device may still be asked');
  const [one, other] = comparing(alice, bob);
  one.does({ kind: 'time', now: now + 10 * minutes });
  settle(one, other);
  t.same([one.code, other.code], ['m.timeout', 'm.timeout']);
});

t.test('a start without a request is answered when the person accepts it', async (t) => {
  const [one] = ready(alice, bob);
  one.does({ kind: 'start-sas' });
  const [start] = one.outbox.splice(0);
  const methods = ['m.sas.v1'];
  const offer = { id: 'transaction', roomId: null, fromDevice: 'PHONE', methods, sentAt: now };
  const other = new VerifyingPeer(
    newFlow.offered({ ...offer, start: start?.content ?? {} }, bob, alice, now),
    alice,
  );
  other.does({ kind: 'accept', now });
  settle(one, other);
  t.same([one.at, other.at], ['comparing', 'comparing']);
  t.same(one.shown, other.shown);
});

t.test('what was said before is ignored, something else in its place is not', async (t) => {
  const [one, other] = ready(alice, bob);
  one.does({ kind: 'start-sas' });
  const [start] = one.outbox.splice(0);
  if (!start) throw new Error('no start');
  other.hears(start);
  other.hears(start);
  t.equal(other.outbox.length, 1);
  other.hears({ type: 'start', content: { ...start.content, hashes: ['sha256', 'x'] } });
  t.equal(other.code, 'm.unexpected_message');
  const [early] = ready(alice, bob);
  early.hears({ type: 'done', content: {} });
  t.equal(early.code, 'm.unexpected_message');
  early.hears({ type: 'key', content: {} });
  t.equal(early.outbox.length, 1, 'an ended verification answers nothing');
});

// What the two people and the network do, in any order; a person who is asked to compare looks.
const acts = fc.array(
  fc.record({
    who: fc.boolean(),
    act: fc.oneof(
      { weight: 8, arbitrary: fc.constant('deliver' as const) },
      { weight: 3, arbitrary: fc.constant('confirm' as const) },
      fc.constantFrom('start-sas', 'scan', 'cancel', 'again', 'swap', 'keep'),
    ),
  }),
  { minLength: 5, maxLength: 60 },
);
type Acts = typeof acts extends fc.Arbitrary<infer A> ? A : never;

const play = (one: VerifyingPeer, other: VerifyingPeer, script: Acts): void => {
  const kept: VerificationMessage[][] = [[], []];
  for (const { who, act } of script) {
    const [acting, listening] = who ? [one, other] : [other, one];
    const sent = kept[who ? 0 : 1] ?? [];
    const [first, second] = acting.outbox;
    if (act === 'deliver' && first) {
      acting.outbox.shift();
      listening.hears(first);
      sent.push(first);
    } else if (act === 'again') for (const message of sent.slice(-2)) listening.hears(message);
    else if (act === 'swap' && first && second) acting.outbox.splice(0, 2, second, first);
    else if (act === 'scan') {
      const bytes = qrExchange.shown(listening.flow);
      if (bytes) acting.does({ kind: 'scan', bytes });
    } else if (act === 'confirm' && JSON.stringify(one.shown) === JSON.stringify(other.shown)) {
      acting.does({ kind: 'confirm' });
    } else if (act === 'start-sas' || act === 'cancel') acting.does({ kind: act });
  }
  settle(one, other);
  // People who are still asked confirm; what then is not over runs into its time.
  one.does({ kind: 'confirm' });
  other.does({ kind: 'confirm' });
  settle(one, other);
  one.does({ kind: 'time', now: now + 11 * minutes });
  settle(one, other);
  other.does({ kind: 'time', now: now + 11 * minutes });
  settle(one, other);
};

const pairs = fc.constantFrom([alice, bob], [bob, alice], [alice, laptop], [laptop, alice]);

t.test('in whatever order things happen, both are verified or neither is', async (t) => {
  const ends = { verified: 0, cancelled: 0 };
  fc.assert(
    fc.property(pairs, acts, ([a = alice, b = bob], script) => {
      const [one, other] = ready(a, b);
      play(one, other, script);
      if (!flows.isOver(one.flow) || !flows.isOver(other.flow)) return false;
      ends[one.at === 'verified' ? 'verified' : 'cancelled'] += 1;
      return one.at === 'verified'
        ? other.at === 'verified' && one.proofs.length === 1 && other.proofs.length === 1
        : other.at === 'cancelled' && one.proofs.length + other.proofs.length === 0;
    }),
    { numRuns: 2_000 },
  );
  t.ok(ends.verified > 100, `both happened: ${JSON.stringify(ends)}`);
  t.ok(ends.cancelled > 100);
});

t.test('in whatever order things happen, nobody is verified with a wrong key', async () => {
  const wrong = fc.constantFrom<SeenAs>(
    [{ masterKey: otherKey }, {}],
    [{}, { masterKey: otherKey }],
    [{ masterKey: otherKey }, { masterKey: otherKey }],
  );
  fc.assert(
    fc.property(wrong, acts, (seen, script) => {
      const [one, other] = ready(alice, bob, { seen });
      play(one, other, script);
      return [one, other].every(({ at, proofs }) => at === 'cancelled' && proofs.length === 0);
    }),
    { numRuns: 1_000 },
  );
  const wrongDevice = fc.constantFrom<SeenAs>(
    [{ deviceKey: otherKey }, {}],
    [{}, { deviceKey: otherKey }],
  );
  fc.assert(
    fc.property(wrongDevice, fc.boolean(), acts, (seen, swap, script) => {
      const [one, other] = ready(
        ...(swap ? ([alice, laptop] as const) : ([laptop, alice] as const)),
        { seen },
      );
      play(one, other, script);
      return [...one.proofs, ...other.proofs].every(({ device }) => device?.deviceKey !== otherKey);
    }),
    { numRuns: 1_000 },
  );
});

t.test('after our side said it is convinced it can no longer cancel', async (t) => {
  const [one, other] = comparing(alice, bob);
  one.does({ kind: 'confirm' });
  other.does({ kind: 'confirm' });
  for (const message of other.outbox.splice(0)) one.hears(message);
  t.equal(one.at, 'done-sent');
  t.equal(one.does({ kind: 'cancel' }), 'not-now');
  one.hears({ type: 'key', content: { key: 'late' } });
  t.equal(one.at, 'done-sent');
  settle(one, other);
  t.same([one.at, other.at], ['verified', 'verified']);
});
