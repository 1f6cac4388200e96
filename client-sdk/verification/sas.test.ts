import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { encodeBase64 } from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { emojiTable } from './emoji-table.ts';
import { type QrCode, qrCode } from './qr-code.ts';
import { sas } from './sas.ts';

const alice = { userId: '@alice:a.example', deviceId: 'PHONE' };
const bob = { userId: '@bob:b.example', deviceId: 'TABLET' };
const secret = Buffer.alloc(32, 7);

t.test('both sides agree on a secret, and nobody on one that everybody knows', async (t) => {
  const [ours, theirs] = [sas.newKey(), sas.newKey()];
  t.match(ours.publicKey, /^[A-Za-z0-9+/]{43}$/);
  t.same(sas.agree(ours, theirs.publicKey), sas.agree(theirs, ours.publicKey));
  t.notSame(sas.agree(ours, theirs.publicKey), sas.agree(ours, sas.newKey().publicKey));
  const bad = ['', 'AAAA', `${theirs.publicKey}=`, theirs.publicKey.slice(1)];
  for (const key of [...bad, encodeBase64(new Uint8Array(32))]) {
    t.equal(sas.agree(ours, key), undefined, key);
  }
});

// The same values by another way: Node's own HKDF, and the specification's shifts.
t.test('signs, numbers and codes are those of the specification', async (t) => {
  const [keyA, keyB] = [encodeBase64(Buffer.alloc(32, 1)), encodeBase64(Buffer.alloc(32, 2))];
  const starter = { ...alice, publicKey: keyA };
  const accepter = { ...bob, publicKey: keyB };
  for (const id of ['one', 'two', 'three']) {
    const info =
      `MATRIX_KEY_VERIFICATION_SAS|@alice:a.example|PHONE|${keyA}|` +
      `@bob:b.example|TABLET|${keyB}|${id}`;
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0] = Buffer.from(
      hkdfSync('sha256', secret, '', info, 6),
    );
    const shown = sas.shortString(secret, starter, accepter, id);
    t.same(shown.decimal, [
      ((b0 << 5) | (b1 >> 3)) + 1000,
      (((b1 & 0x7) << 10) | (b2 << 2) | (b3 >> 6)) + 1000,
      (((b3 & 0x3f) << 7) | (b4 >> 1)) + 1000,
    ]);
    const bits =
      (BigInt(b0) << 40n) |
      (BigInt(((b1 << 24) | (b2 << 16) | (b3 << 8) | b4) >>> 0) << 8n) |
      BigInt(b5);
    const numbers = [42n, 36n, 30n, 24n, 18n, 12n, 6n].map((at) => Number((bits >> at) & 63n));
    t.same(
      shown.emoji.map(({ number }) => number),
      numbers,
    );
    const key = hkdfSync(
      'sha256',
      secret,
      '',
      `MATRIX_KEY_VERIFICATION_MAC@alice:a.examplePHONE@bob:b.exampleTABLET${id}ed25519:PHONE`,
      32,
    );
    const mac = createHmac('sha256', Buffer.from(key)).update('the key').digest('base64');
    const direction = { from: alice, to: bob, id };
    const codes = sas.macs(secret, direction, new Map([['ed25519:PHONE', 'the key']]));
    t.equal(codes.mac['ed25519:PHONE'], mac.replace(/=+$/, ''));
  }
  const commitment = createHash('sha256').update(`${keyA}{"a":1,"b":"c"}`).digest('base64');
  t.equal(sas.commitment(keyA, { b: 'c', a: 1 }), commitment.replace(/=+$/, ''));
  t.equal(emojiTable.length, 64);
  t.equal(new Set(emojiTable.map(({ emoji }) => emoji)).size, 64);
  t.match(emojiTable[0], { number: 0, emoji: '🐶', name: 'Dog' });
  t.match(emojiTable[49], { number: 49, emoji: '☎️', name: 'Telephone' });
  t.match(emojiTable[63], { number: 63, emoji: '📌', name: 'Pin' });
});

t.test('a code proves the keys it was made over, in its direction and transaction', async (t) => {
  const direction = { from: alice, to: bob, id: 'x' };
  const keys = new Map([
    ['ed25519:PHONE', 'device key'],
    ['ed25519:MASTER', 'master key'],
  ]);
  const codes = sas.macs(secret, direction, keys);
  t.same(sas.check(secret, direction, codes, keys), ['ed25519:PHONE', 'ed25519:MASTER']);
  t.same(sas.check(secret, direction, codes, new Map()), [], 'unknown keys prove nothing');
  const other = new Map([...keys, ['ed25519:MASTER', 'another key']]);
  t.equal(sas.check(secret, direction, codes, other), undefined);
  t.equal(sas.check(secret, { ...direction, id: 'y' }, codes, keys), undefined);
  t.equal(sas.check(secret, { from: bob, to: alice, id: 'x' }, codes, keys), undefined);
  t.equal(sas.check(Buffer.alloc(32, 8), direction, codes, keys), undefined);
  // Longer than what Node's own HKDF takes.
  const long = { userId: `@${'x'.repeat(250)}:a`, deviceId: 'y'.repeat(255) };
  const far = { from: long, to: { ...long, deviceId: 'z'.repeat(255) }, id: 'i'.repeat(255) };
  t.same(sas.check(secret, far, sas.macs(secret, far, keys), keys), [...keys.keys()]);
});

t.test('the bytes of a QR code', async (t) => {
  const numbers = (from: number) => Uint8Array.from({ length: 32 }, (_, at) => from + at);
  const code: QrCode = {
    mode: 'other-user',
    id: '$ABCD',
    firstKey: encodeBase64(numbers(0)),
    secondKey: encodeBase64(numbers(16)),
    secret: Uint8Array.from([0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27]),
  };
  const bytes = qrCode.write(code);
  const hex = Buffer.from(bytes).toString('hex');
  t.ok(hex.startsWith('4d415452495802000005244142434400010203'));
  t.ok(hex.endsWith('2d2e2f2021222324252627'));
  t.same(qrCode.read(bytes), code);
  for (const end of [0, 5, 8, 9, 15, 40, 78, bytes.length - 1]) {
    t.equal(qrCode.read(bytes.subarray(0, end)), undefined, `cut at ${end}`);
  }
  const changed = (at: number, value: number) => qrCode.read(bytes.with(at, value));
  t.equal(changed(0, 0x6d), undefined);
  t.equal(changed(6, 3), undefined, 'another version');
  t.equal(changed(7, 3), undefined, 'another mode');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const read = qrCode.read(Buffer.concat([Buffer.from('MATRIX\x02'), noise]));
      return read === undefined || read.secret.length >= 8;
    }),
  );
  const modes = fc.constantFrom('other-user', 'own-trusting', 'own-not-trusting');
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((raw) => encodeBase64(raw));
  fc.assert(
    fc.property(modes, fc.string(), key, key, (mode, id, firstKey, secondKey) => {
      const any = { mode, id, firstKey, secondKey, secret: numbers(1) } as QrCode;
      return JSON.stringify(qrCode.read(qrCode.write(any))) === JSON.stringify(any);
    }),
  );
});
