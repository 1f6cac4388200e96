import { encodeBase64, type JsonObject } from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { type Flow, flows, type Method, type OwnSide, type Proof, type State } from './flow.ts';
import { allMethods, newFlow } from './new-flow.ts';
import { qrCode } from './qr-code.ts';
import { qrExchange } from './qr-exchange.ts';
import { sas } from './sas.ts';
import { type Input, step } from './step.ts';

const now = 1_700_000_000_000;
const minutes = 60_000;
const keyOf = (byte: number): string => encodeBase64(new Uint8Array(32).fill(byte));

const alice: OwnSide = {
  userId: '@alice:a.example',
  deviceId: 'PHONE',
  deviceKey: keyOf(1),
  masterKey: keyOf(2),
  vouches: true,
};
// The same device id as Alice's: ids are per user.
const bob: OwnSide = {
  userId: '@bob:b.example',
  deviceId: 'PHONE',
  deviceKey: keyOf(3),
  masterKey: keyOf(4),
  vouches: true,
};
const laptop: OwnSide = { ...alice, deviceId: 'LAPTOP', deviceKey: keyOf(5), vouches: false };
const otherKey = keyOf(9);

type Message = { readonly type: string; readonly content: JsonObject };

/** One device in a test: its flow, what is on the way from it, and what it was convinced of. */
class Peer {
  flow: Flow;
  /** Whom it takes the other for. */
  readonly sees: OwnSide;
  readonly outbox: Message[] = [];
  readonly proofs: Proof[] = [];

  constructor(flow: Flow, sees: OwnSide) {
    this.flow = flow;
    this.sees = sees;
  }

  get at(): State['at'] {
    return this.flow.state.at;
  }
  get code(): string | undefined {
    return this.flow.state.at === 'cancelled' ? this.flow.state.code : undefined;
  }
  get shown() {
    const { state } = this.flow;
    return 'shown' in state ? state.shown : undefined;
  }

  does(input: Input): string | undefined {
    const { flow, actions, refused } = step(this.flow, input);
    this.flow = flow;
    for (const action of actions) {
      if (action.kind === 'verified') this.proofs.push(action.proof);
      else if (action.devices.includes(this.sees.deviceId)) {
        const type = action.type.slice(flows.prefix.length);
        this.outbox.push({ type, content: action.content });
      }
    }
    return refused;
  }

  hears({ type, content }: Message, sender: string = this.sees.userId): void {
    this.does({ kind: 'received', type, content, sender, senderDevice: null, from: this.sees });
  }
}

/** What the asking and the asked device take the other for. */
type Seen = readonly [Partial<OwnSide>, Partial<OwnSide>];
type Options = {
  readonly seen?: Seen;
  readonly methods?: readonly Method[];
};

/** A request that has arrived. */
const begin = (
  asking: OwnSide,
  asked: OwnSide,
  { seen = [{}, {}], methods = allMethods }: Options = {},
): [Peer, Peer] => {
  const request = { id: 'transaction', roomId: null, own: asking, otherUserId: asked.userId };
  const flow = newFlow.requested(
    { ...request, asked: ['PHONE', 'TABLET'], ownMethods: methods },
    now,
  );
  const offer = {
    id: 'transaction',
    roomId: null,
    fromDevice: asking.deviceId,
    methods,
    sentAt: now,
  };
  const seesAsking = { ...asking, ...seen[1] };
  const offered = newFlow.offered(offer, asked, seesAsking, now);
  return [new Peer(flow, { ...asked, ...seen[0] }), new Peer(offered, seesAsking)];
};

/** Delivers until nothing is on the way. */
const settle = (one: Peer, other: Peer): void => {
  while (one.outbox.length + other.outbox.length > 0) {
    for (const message of one.outbox.splice(0)) other.hears(message);
    for (const message of other.outbox.splice(0)) one.hears(message);
  }
};

const ready = (asking: OwnSide, asked: OwnSide, options?: Options): [Peer, Peer] => {
  const [one, other] = begin(asking, asked, options);
  other.does({ kind: 'accept', now });
  settle(one, other);
  return [one, other];
};

const comparing = (asking: OwnSide, asked: OwnSide, options?: Options): [Peer, Peer] => {
  const [one, other] = ready(asking, asked, options);
  one.does({ kind: 'start-sas' });
  settle(one, other);
  return [one, other];
};

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
  const seen: Seen = [{ masterKey: otherKey }, {}];
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
    const [third, fourth] = [laptop, { ...laptop, deviceId: 'TABLET', deviceKey: keyOf(6) }];
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
        Object.keys(Object(content['mac'])).map((keyId) => [keyId, keyOf(7)]),
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
  for (const key of [1, '', 'AAAA', `${keyOf(3)}=`, keyOf(0)]) {
    const [one, other] = ready(alice, bob);
    one.does({ kind: 'start-sas' });
    for (const message of one.outbox.splice(0)) other.hears(message);
    other.hears({ type: 'key', content: { key } });
    t.equal(other.code, 'm.invalid_message', String(key));
  }
});

t.test('several devices are asked and one answers', async (t) => {
  const [one, other] = begin(alice, bob);
  const tablet = { ...bob, deviceId: 'TABLET', deviceKey: keyOf(6) };
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
  const other = new Peer(
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

const play = (one: Peer, other: Peer, script: Acts): void => {
  const kept: Message[][] = [[], []];
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
  const wrong = fc.constantFrom<Seen>(
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
  const wrongDevice = fc.constantFrom<Seen>(
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
