import { createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { decryptAttachment, decryptAttachmentTo, encryptAttachment } from './encrypted-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'candor-attachments-'));
const url = 'mxc://a/abc';

const encryptAll = async (chunks: Uint8Array[]) => {
  const attachment = encryptAttachment(chunks);
  const ciphertext = Buffer.concat(await Array.fromAsync(attachment.ciphertext));
  return { ciphertext, file: attachment.file(url) };
};

t.test('any chunks come back as they were', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 })), async (chunks) => {
      const { ciphertext, file } = await encryptAll(chunks.map((chunk) => new Uint8Array(chunk)));
      const plain = await decryptAttachment([ciphertext], file, 100_000);
      return plain.equals(Buffer.concat(chunks));
    }),
    { numRuns: 50 },
  );
});

t.test('the file description is the EncryptedFile of the specification', async (t) => {
  const plain = Buffer.from('attachment '.repeat(1_000));
  const { ciphertext, file } = await encryptAll([plain]);
  t.match(file, {
    url,
    v: 'v2',
    key: { kty: 'oct', key_ops: ['encrypt', 'decrypt'], alg: 'A256CTR', ext: true },
  });
  t.match(file.key.k, /^[A-Za-z0-9_-]{43}$/);
  t.match(file.iv, /^[A-Za-z0-9+/]{10}[AEIMQUYcgkosw048]A{11}$/, 'the counter starts at zero');
  t.equal(`${file.hashes.sha256}=`, createHash('sha256').update(ciphertext).digest('base64'));
  const key = Buffer.from(file.key.k, 'base64url');
  const decipher = createDecipheriv('aes-256-ctr', key, Buffer.from(file.iv, 'base64'));
  t.ok(decipher.update(ciphertext).equals(plain));
  t.equal(ciphertext.includes('attachment'), false);
  const again = await encryptAll([plain]);
  t.not(again.file.key.k, file.key.k);
  t.not(again.file.iv, file.iv);
});

t.test('a changed ciphertext is refused before anybody can use it', async (t) => {
  const { ciphertext, file } = await encryptAll([randomBytes(5_000)]);
  const changed = Buffer.from(ciphertext);
  changed[17] = (changed[17] ?? 0) ^ 1;
  await t.rejects(decryptAttachment([changed], file, 10_000), /changed/);
  await t.rejects(decryptAttachment([ciphertext.subarray(1)], file, 10_000), /changed/);
  const path = join(folder, 'refused');
  await t.rejects(decryptAttachmentTo(path, [changed], file), /changed/);
  t.same(readdirSync(folder), []);
});

t.test('a large file is written as it comes and named when it is whole', async (t) => {
  const chunk = randomBytes(65_536);
  const attachment = encryptAttachment(Array.from({ length: 64 }, () => chunk));
  t.throws(() => attachment.file(url), /not been read/);
  const encrypted = await Array.fromAsync(attachment.ciphertext);
  const path = join(folder, 'large');
  await decryptAttachmentTo(path, encrypted, attachment.file(url));
  t.same(readdirSync(folder), ['large']);
  const written = readFileSync(path);
  t.equal(written.length, 64 * 65_536);
  t.ok(written.subarray(-65_536).equals(chunk));
});

t.test('size limits, versions and malformed descriptions are refused', async (t) => {
  const { ciphertext, file } = await encryptAll([randomBytes(1_000)]);
  await t.rejects(decryptAttachment([ciphertext], file, 999), /larger/);
  const refused = [
    { ...file, v: 'v1' },
    { ...file, key: { ...file.key, alg: 'A128CTR' } },
    { ...file, key: { ...file.key, k: 'short' } },
    { ...file, iv: file.iv.slice(1) },
    { ...file, hashes: {} },
    JSON.parse('{"v":"v2","__proto__":{"key":1}}'),
  ];
  for (const bad of refused) await t.rejects(decryptAttachment([ciphertext], bad, 2_000));
});
