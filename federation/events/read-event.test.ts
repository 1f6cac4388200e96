import fc from 'fast-check';
import t from 'tap';
import { checkAuth } from '../auth/check-auth.ts';
import { checkAuthEvents } from '../auth/check-auth-events.ts';
import { publicKeyFromBase64, signingKeyFromSeed } from '../keys/signing-key.ts';
import { rulesOf } from '../testing/tell-story.ts';
import { buildEvent, type EventTemplate, signEvent } from './build-event.ts';
import { contentHash } from './event-hashes.ts';
import {
  requiredSignatures,
  signedBytesOfEvent,
  verifyEventSignature,
} from './event-signatures.ts';
import { readEvent } from './read-event.ts';
import type { Json, JsonObject, Pdu, RoomEvent } from './room-event.ts';

const key = signingKeyFromSeed('a', Buffer.alloc(32, 5));
const publicKey = publicKeyFromBase64(key.publicKey);
const hash43 = 'A'.repeat(43);
const roomIds: Record<string, string> = {
  10: '!r:a.example',
  11: '!r:a.example',
  12: `!${hash43}`,
};
const versions = Object.keys(roomIds);

const built = (version: string, template: Partial<EventTemplate> = {}): RoomEvent =>
  buildEvent(
    { type: 'm.room.message', sender: '@alice:a.example', content: { body: 'hi' }, ...template },
    { roomId: roomIds[version] ?? '', prevEvents: [`$${hash43}`], authEvents: [], depth: 7 },
    rulesOf(version),
    { serverName: 'a.example', key, originServerTs: 1_000 },
  );

/** Hashes and signs whatever it is told to. */
const resigned = (version: string, more: Record<string, unknown>): JsonObject => {
  const { hashes: _hashes, signatures: _signatures, ...pdu } = { ...built(version).pdu, ...more };
  return signEvent(
    { ...pdu, hashes: { sha256: contentHash(pdu as Pdu) } } as Pdu,
    rulesOf(version),
    'a.example',
    key,
  );
};

const reasonOf = (json: unknown, version: string, roomId?: string) => {
  const read = readEvent(json, rulesOf(version), roomId);
  return read.ok ? undefined : read.reason;
};

for (const version of versions) {
  const rules = rulesOf(version);

  t.test(`version ${version}: what we build is what another server reads`, async (t) => {
    for (const template of [
      {},
      { stateKey: '', type: 'm.room.topic' },
      { type: 'm.room.redaction', redacts: '$target', content: { reason: 'x' } },
    ]) {
      const event = built(version, template);
      const read = readEvent(JSON.parse(JSON.stringify(event.pdu)), rules, event.roomId);
      if (!read.ok) throw new Error(read.reason);
      t.strictSame(read.event, event);
      t.notOk(read.redacted);
      t.same(read.signedBytes, signedBytesOfEvent(event, rules));
      const signatures = requiredSignatures(read.event, rules);
      if (!signatures.ok || !publicKey) throw new Error('no signature');
      t.equal(signatures.signatures.length, 1);
      for (const signature of signatures.signatures) {
        t.ok(verifyEventSignature(read.event, signature, publicKey, rules));
      }
    }
  });

  t.test(
    `version ${version}: changed content is redacted, changed essentials break the signature`,
    async (t) => {
      const event = built(version);
      const changed = readEvent({ ...event.pdu, content: { body: 'changed' } }, rules);
      if (!changed.ok || !publicKey) throw new Error('not read');
      t.ok(changed.redacted);
      t.same(changed.event.content, {});
      t.equal(changed.event.eventId, event.eventId);
      const signature = { serverName: 'a.example', keyId: 'ed25519:a' };
      t.ok(verifyEventSignature(changed.event, signature, publicKey, rules));
      const moved = readEvent({ ...event.pdu, depth: 8 }, rules);
      if (!moved.ok) throw new Error(moved.reason);
      t.notOk(verifyEventSignature(moved.event, signature, publicKey, rules));
    },
  );

  t.test(`version ${version}: unsigned is dropped and counts for nothing`, async (t) => {
    const read = readEvent({ ...built(version).pdu, unsigned: { x: 'x'.repeat(70_000) } }, rules);
    t.ok(read.ok && !('unsigned' in read.event.pdu) && !read.redacted);
  });

  t.test(`version ${version}: an event must have its shape`, async (t) => {
    const long = 'x'.repeat(256);
    const ids = (count: number) => Array.from({ length: count }, () => `$${hash43}`);
    const faults: readonly (readonly [field: string, value: unknown, reason: RegExp])[] = [
      ['type', 1, /type/],
      ['type', undefined, /type/],
      ['type', long, /type/],
      ['type', 'é'.repeat(128), /type/],
      ['sender', 'alice', /sender/],
      ['sender', `@${long}:a.example`, /sender/],
      ['sender', undefined, /sender/],
      ['state_key', null, /state_key/],
      ['state_key', long, /state_key/],
      ['content', [], /content/],
      ['content', 'x', /content/],
      ['content', { a: 1.5 }, /integer/],
      ['content', { a: -0 }, /-0/],
      ['content', { a: '\ud800' }, /surrogate/],
      ['origin_server_ts', 1.5, /origin_server_ts/],
      ['origin_server_ts', '1', /origin_server_ts/],
      ['depth', -1, /depth/],
      ['depth', 2 ** 53, /depth/],
      ['depth', '1', /depth/],
      ['prev_events', ids(21), /prev_events/],
      ['prev_events', [1], /prev_events/],
      ['prev_events', [['$a', {}]], /prev_events/],
      ['prev_events', ['a'], /prev_events/],
      ['auth_events', ids(11), /auth_events/],
      ['auth_events', undefined, /auth_events/],
      ['hashes', {}, /hashes/],
      ['signatures', { a: 'x' }, /signatures/],
      ['signatures', { a: { b: 1 } }, /signatures/],
      ['room_id', undefined, /room_id/],
      ['room_id', version === '12' ? '!r:a.example' : `!${hash43}`, /room_id/],
    ];
    for (const [field, value, reason] of faults) {
      const { [field]: _old, ...others } = built(version).pdu;
      const pdu = value === undefined ? others : { ...others, [field]: value as Json };
      t.match(reasonOf(pdu, version), reason, `${field} ${String(value).slice(0, 20)}`);
    }
    const nested = (levels: number): Json => (levels === 0 ? 1 : [nested(levels - 1)]);
    t.equal(reasonOf(resigned(version, { content: { a: nested(54) } }), version), undefined);
    t.match(reasonOf(resigned(version, { content: { a: nested(55) } }), version), /too deep/);
    for (const json of [null, [], 'x', 1]) t.match(reasonOf(json, version), /no object/);
    t.match(reasonOf(built(version).pdu, version, '!other:a.example'), /another room/);
    t.equal(
      reasonOf(resigned(version, { prev_events: ids(20), auth_events: ids(10) }), version),
      undefined,
    );
    t.equal(reasonOf(resigned(version, { depth: 2 ** 53 - 1 }), version), undefined);
  });

  t.test(`version ${version}: 65536 bytes are an event, one more is none`, async (t) => {
    const bytes = (pdu: unknown) => Buffer.byteLength(JSON.stringify(pdu));
    const filled = (length: number) =>
      resigned(version, { content: { body: 'é'.padEnd(length, 'x') } });
    const room = 65_536 - bytes(filled(1)) + 1;
    t.equal(bytes(filled(room)), 65_536);
    t.equal(reasonOf(filled(room), version), undefined);
    t.match(reasonOf(filled(room + 1), version), /too large/);
  });
}

t.test('redacts counts where the version keeps it', async (t) => {
  const pdu = (version: string) =>
    resigned(version, {
      type: 'm.room.redaction',
      redacts: '$top',
      content: { redacts: '$content' },
    });
  for (const [version, expected] of [
    ['10', '$top'],
    ['11', '$content'],
    ['12', '$content'],
  ] as const) {
    const read = readEvent(pdu(version), rulesOf(version));
    t.equal(read.ok && read.event.redacts, expected);
  }
  t.match(reasonOf(resigned('10', { redacts: 1 }), '10'), /redacts/);
});

t.test('the create event of version 12 gives the room its id', async (t) => {
  const rules = rulesOf('12');
  const created = buildEvent(
    {
      type: 'm.room.create',
      stateKey: '',
      sender: '@alice:a.example',
      content: { room_version: '12' },
    },
    { roomId: '', prevEvents: [], authEvents: [], depth: 1 },
    rules,
    { serverName: 'a.example', key, originServerTs: 1 },
  );
  t.notOk('room_id' in created.pdu);
  t.equal(created.roomId, `!${created.eventId.slice(1)}`);
  const read = readEvent(created.pdu, rules, created.roomId);
  t.strictSame(read.ok && read.event, created);
  t.match(reasonOf(created.pdu, '12', `!${hash43}`), /another room/);
  t.match(reasonOf({ ...created.pdu, room_id: created.roomId }, '12'), /no room_id/);
});

t.test('whose signatures an event needs', async (t) => {
  const rules = rulesOf('11');
  const needs = (content: JsonObject, signers: readonly string[]) => {
    const event = built('11', { type: 'm.room.member', stateKey: '@bob:b.example', content });
    const signed = signers.reduce((pdu, name) => signEvent(pdu, rules, name, key), {
      ...event.pdu,
      signatures: {},
    } as Pdu);
    const found = requiredSignatures({ ...event, pdu: signed }, rules);
    return found.ok
      ? found.signatures.map(({ serverName }) => serverName)
      : `missing ${found.missing}`;
  };
  const via = { membership: 'join', join_authorised_via_users_server: '@carol:c.example' };
  const invited = { membership: 'invite', third_party_invite: { signed: {} } };
  t.same(needs({ membership: 'join' }, ['a.example', 'b.example']), ['a.example']);
  t.same(needs({ membership: 'join' }, ['b.example']), 'missing a.example');
  t.same(needs(via, ['a.example', 'c.example']), ['a.example', 'c.example']);
  t.same(needs(via, ['a.example']), 'missing c.example');
  t.same(
    needs({ ...via, join_authorised_via_users_server: 1 }, ['a.example']),
    'missing an unreadable user id',
  );
  t.same(needs(invited, ['b.example']), []);
  t.same(needs({ ...invited, membership: 'join' }, ['b.example']), 'missing a.example');

  const event = built('11');
  const withKeys = (own: JsonObject) => ({
    ...event,
    pdu: { ...event.pdu, signatures: { 'a.example': own } },
  });
  t.match(requiredSignatures(withKeys({ 'ed25519:policy_server': 'x', 'rsa:1': 'x' }), rules), {
    ok: false,
    missing: 'a.example',
  });
  t.match(requiredSignatures(withKeys({ 'ed25519:a': 'x', 'ed25519:b': 'y' }), rules), {
    ok: true,
    signatures: [{ keyId: 'ed25519:a' }, { keyId: 'ed25519:b', signature: 'y' }],
  });
});

t.test('nothing that a peer sends makes reading or judging throw', async (t) => {
  const junk = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('m.room.member', '@a:b', '', -1, {}, []),
  );
  const types = [
    'create',
    'member',
    'power_levels',
    'join_rules',
    'third_party_invite',
    'redaction',
  ];
  const keys = [
    'membership',
    'users',
    'third_party_invite',
    'additional_creators',
    'creator',
    'redacts',
    'join_rule',
  ];
  const hostile = fc.record({
    version: fc.constantFrom(...versions),
    type: fc.constantFrom(...types.map((type) => `m.room.${type}`)),
    content: fc.dictionary(fc.constantFrom(...keys), junk),
    more: fc.dictionary(
      fc.constantFrom(...Object.keys(built('10').pdu), 'state_key', 'redacts'),
      junk,
      { maxKeys: 2 },
    ),
  });
  fc.assert(
    fc.property(hostile, hostile, ({ version, type, content, more }, before) => {
      const rules = rulesOf(version);
      const pdu = { ...built(version).pdu, state_key: '', type, content, ...more };
      const read = readEvent(pdu, rules);
      const event = read.ok ? read.event : { ...built(version, { stateKey: '' }), type, content };
      requiredSignatures(event as RoomEvent, rules);
      const earlier = {
        ...built(version, { stateKey: '' }),
        type: before.type,
        content: before.content,
      };
      const create = { ...earlier, type: 'm.room.create', eventId: `$${event.roomId.slice(1)}` };
      const get = (key: string) => (key.includes('m.room.create') ? create : earlier) as RoomEvent;
      checkAuth(event as RoomEvent, { get }, rules);
      checkAuthEvents(event as RoomEvent, [earlier as RoomEvent], () => false, rules);
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});
