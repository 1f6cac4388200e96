import fc from 'fast-check';
import t from 'tap';
import { addressOf } from './address.ts';
import { type Envelope, plaintext } from './plaintext.ts';

const envelopes = fc.record(
  {
    v: fc.constant(1 as const),
    room_id: fc.string(),
    sender: fc.string({ unit: 'grapheme' }),
    sender_device: fc.string(),
    type: fc.string(),
    content: fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<Envelope['content']>,
    txn_id: fc.string(),
    distribution_id: fc.uuid(),
  },
  { requiredKeys: ['v', 'room_id', 'sender', 'sender_device', 'type', 'content', 'txn_id'] },
);

const ofLength = (length: number): Envelope => ({
  v: 1,
  room_id: '!r',
  sender: '@a:b',
  sender_device: 'D',
  type: 't',
  content: { body: 'x'.repeat(length) },
  txn_id: 'n',
});

t.test('any envelope comes back as JSON would bring it', async () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      const read = plaintext.read(plaintext.write(envelope));
      return JSON.stringify(read) === JSON.stringify(envelope);
    }),
  );
});

t.test(
  'a length tells only its step: 160 bytes, above two kilobytes at most an eighth',
  async () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60_000 }), (length) => {
        const envelope = ofLength(length);
        const text = JSON.stringify(envelope).length;
        const padded = plaintext.write(envelope).length;
        if (padded <= text) return false;
        return text < 2_080
          ? padded % 160 === 0 && padded - text <= 160
          : padded - text <= text / 8 + 1;
      }),
    );
    const sizes = new Set<number>();
    for (let length = 0; length < 40_000; length += 10)
      sizes.add(plaintext.write(ofLength(length)).length);
    t.ok(sizes.size < 60, `${sizes.size} sizes up to 40 kB`);
  },
);

t.test('whatever is no envelope is read as nothing', async (t) => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => plaintext.read(bytes) === undefined));
  const padded = (text: string | Buffer): Uint8Array =>
    Buffer.concat([Buffer.from(text), Buffer.from([0x80, 0, 0])]);
  const good = JSON.stringify(ofLength(3));
  t.ok(plaintext.read(padded(good)));
  const bad = [
    '',
    'null',
    '[]',
    '{}',
    good.replace('"v":1', '"v":2'),
    good.replace('"@a:b"', '5'),
    good.replace('{"body":"xxx"}', '[]'),
    good.replace('"v":1', '"v":1,"distribution_id":{}'),
  ];
  for (const text of bad) t.equal(plaintext.read(padded(text)), undefined, text);
  t.equal(
    plaintext.read(padded(Buffer.concat([Buffer.from(good), Buffer.from([0xff])]))),
    undefined,
  );
  t.equal(plaintext.read(Buffer.from(good)), undefined, 'without the mark');
});

t.test('an envelope must agree with its event in every field', async (t) => {
  const envelope = { ...ofLength(1), distribution_id: 'd' };
  const outer = { roomId: '!r', sender: '@a:b', senderDevice: 'D', distributionId: 'd' };
  t.equal(plaintext.contradiction(envelope, outer), undefined);
  t.equal(plaintext.contradiction(envelope, { ...outer, roomId: '!s' }), 'room_id');
  t.equal(plaintext.contradiction(envelope, { ...outer, sender: '@c:b' }), 'sender');
  t.equal(plaintext.contradiction(envelope, { ...outer, senderDevice: 'E' }), 'sender_device');
  t.equal(plaintext.contradiction(envelope, { ...outer, distributionId: 'e' }), 'distribution_id');
  t.equal(plaintext.contradiction(ofLength(1), outer), 'distribution_id');
});

t.test('an address is a UUID of version 8 that no two devices share', async (t) => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  fc.assert(
    fc.property(fc.string(), fc.string(), (user, device) => uuid.test(addressOf(user, device))),
  );
  t.equal(addressOf('@a:b', 'C'), addressOf('@a:b', 'C'));
  t.not(addressOf('@a:b', 'C'), addressOf('@a:', 'bC'), 'the lengths are part of it');
  t.not(addressOf('', '@a:bC'), addressOf('@a:b', 'C'));
  // SHA-256 of the tag and the two length-prefixed texts, computed with another program.
  t.equal(addressOf('@alice:hs1', 'PHONE'), '1e18b3b8-0f8f-8d56-b9d0-e00b1100a9bf');
});
