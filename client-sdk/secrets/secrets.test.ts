import { createHmac, hkdfSync } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { aesHmacSha2 } from './aes-hmac-sha2.ts';
import { recoveryKey } from './recovery-key.ts';
import { storageKey } from './storage-key.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

t.test('a recovery key is read as it was written, with or without its spaces', async (t) => {
  fc.assert(
    fc.property(bytes32, (key) => {
      const text = recoveryKey.encode(key);
      const read = [text, text.replaceAll(' ', ''), ` ${text}\n`].map(recoveryKey.decode);
      return (
        /^E[1-9A-HJ-NP-Za-km-z ]+$/.test(text) &&
        read.every((one) => one !== undefined && Buffer.from(one).equals(key))
      );
    }),
  );
  // Written by another client for the key 00 01 … 1f.
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  t.equal(recoveryKey.encode(key), 'EsSz ykH7 LCZx 7Cae cmKD wcmY JRXi Ybtu 8iQ3 t8Ez nRwK pUY1');
});

t.test('a slip in a recovery key is noticed', async (t) => {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  const text = recoveryKey.encode(new Uint8Array(32).fill(7)).replaceAll(' ', '');
  let unnoticed = 0;
  for (const [at] of [...text].entries()) {
    for (const other of alphabet) {
      const slip = text.slice(0, at) + other + text.slice(at + 1);
      if (slip !== text && recoveryKey.decode(slip)) unnoticed += 1;
    }
  }
  // One byte of parity lets about one in 256 through; the MAC of the key catches those.
  t.ok(unnoticed < (text.length * alphabet.length) / 100, `${unnoticed} of all slips`);
  for (const wrong of ['', 'hello', `${text}1`, text.slice(1), '0'.repeat(48), 'z'.repeat(5_000)]) {
    t.equal(recoveryKey.decode(wrong), undefined);
  }
});

t.test('a secret opens with its key and name only, and not when it was changed', async (t) => {
  fc.assert(
    fc.property(bytes32, bytes32, fc.string(), fc.string(), (key, other, name, secret) => {
      const sealed = aesHmacSha2.seal(key, name, secret);
      fc.pre(!Buffer.from(key).equals(other));
      return (
        aesHmacSha2.open(key, name, sealed) === Buffer.from(secret).toString() &&
        aesHmacSha2.open(other, name, sealed) === undefined &&
        aesHmacSha2.open(key, `${name}x`, sealed) === undefined
      );
    }),
  );
  const key = new Uint8Array(32).fill(1);
  const sealed = aesHmacSha2.seal(key, 'name', 'secret');
  for (const changed of [{ ciphertext: 'AAAAAAAA' }, { mac: sealed['iv'] }, { iv: '' }, {}]) {
    const opened = aesHmacSha2.open(key, 'name', { ...sealed, ...changed });
    t.equal(opened, Object.keys(changed).length === 0 ? 'secret' : undefined);
  }
  for (const odd of [undefined, null, 'text', [], { iv: 1, ciphertext: {}, mac: null }]) {
    t.equal(aesHmacSha2.open(key, 'name', odd), undefined);
  }
});

t.test('the bytes are those of the specification', async (t) => {
  const key = new Uint8Array(32).fill(3);
  const { iv, ciphertext, mac } = aesHmacSha2.seal(key, 'a.name', 'the secret');
  const keys = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(32), 'a.name', 64));
  const raw = Buffer.from(String(ciphertext), 'base64');
  const expected = createHmac('sha256', keys.subarray(32)).update(raw).digest('base64');
  t.equal(`${mac}=`, expected);
  t.equal(Buffer.from(String(iv), 'base64').readUInt8(8) & 0x80, 0, 'bit 63');
  t.equal(raw.length, 'the secret'.length);
});

t.test('a key is opened by its recovery key or its passphrase', async (t) => {
  const random = await storageKey.create(undefined);
  const { keyId, description } = random;
  const typed = recoveryKey.encode(random.key);
  t.match(await storageKey.open(keyId, description, typed), { keyId, isProven: true });
  t.equal(
    await storageKey.open(keyId, description, recoveryKey.encode(new Uint8Array(32))),
    undefined,
  );
  t.equal(await storageKey.open(keyId, description, 'a passphrase'), undefined);

  const chosen = await storageKey.create('correct horse');
  const { passphrase } = chosen.description;
  t.match(passphrase, { algorithm: 'm.pbkdf2', iterations: 500_000, bits: 256 });
  for (const text of ['correct horse', recoveryKey.encode(chosen.key)]) {
    const opened = await storageKey.open(chosen.keyId, chosen.description, text);
    t.same(opened?.key, chosen.key);
  }
  t.equal(await storageKey.open(chosen.keyId, chosen.description, 'wrong horse'), undefined);
});

t.test('a description without a MAC opens and is not proven; a bad one does not', async (t) => {
  const { keyId, key, description } = await storageKey.create(undefined);
  const typed = recoveryKey.encode(key);
  const { mac: _mac, ...unproven } = description;
  t.match(await storageKey.open(keyId, unproven, typed), { isProven: false });
  const rule = { algorithm: 'm.pbkdf2', salt: 's', iterations: 10 };
  const bad: JsonObject[] = [
    { algorithm: 'm.secret_storage.v2' },
    { mac: 'AAAA' },
    { iv: '', mac: 'AAAA' },
  ];
  for (const part of bad) {
    t.equal(await storageKey.open(keyId, { ...description, ...part }, typed), undefined);
  }
  for (const part of [
    { iterations: 1e12 },
    { iterations: 0 },
    { iterations: 1.5 },
    { bits: 1e9 },
  ]) {
    const passphrase = { ...rule, ...part } as JsonObject;
    const offered = { ...unproven, passphrase };
    t.equal(await storageKey.open(keyId, offered, 'a passphrase'), undefined);
  }
});
