import { sign, verify } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicKeyFromBase64 } from '@candor/federation';
import t from 'tap';
import { loadOldSigningKeys } from './old-signing-keys.ts';
import { loadSigningKey, rotateSigningKey } from './signing-key.ts';

const dataDir = await mkdtemp(join(tmpdir(), 'candor-key-'));
t.teardown(() => rm(dataDir, { recursive: true }));
const file = join(dataDir, 'keys', 'signing.key');

t.test('the key is made once, privately, and read again', async (t) => {
  const key = await loadSigningKey(dataDir);
  t.match(key.keyId, /^ed25519:a_[A-Za-z]{4}$/);
  t.match(await readFile(file, 'utf8'), /^ed25519 a_[A-Za-z]{4} [A-Za-z0-9+/]{43}\n$/);
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.equal((await stat(join(dataDir, 'keys'))).mode & 0o777, 0o700);
  const again = await loadSigningKey(dataDir);
  t.equal(again.keyId, key.keyId);
  t.equal(again.publicKey, key.publicKey);
  const published = publicKeyFromBase64(key.publicKey);
  t.ok(
    published &&
      verify(null, Buffer.from('x'), published, sign(null, Buffer.from('x'), again.privateKey)),
  );
});

t.test('a key from another homeserver in the same form is taken', async (t) => {
  // https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors
  await writeFile(file, 'ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1\n');
  const key = await loadSigningKey(dataDir);
  t.equal(key.keyId, 'ed25519:1');
  t.equal(key.publicKey, 'XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI');
});

t.test(
  'a key that others can read, or that is none, stops the start and is left alone',
  async (t) => {
    await chmod(file, 0o644);
    await t.rejects(loadSigningKey(dataDir), /chmod 600/);
    await chmod(file, 0o600);
    await writeFile(file, 'ed25519 1 tooshort\n');
    await t.rejects(loadSigningKey(dataDir), /does not hold one line/);
    t.equal(await readFile(file, 'utf8'), 'ed25519 1 tooshort\n');
  },
);

t.test('a rotation makes a new key and keeps the public part of each old one', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'candor-rotate-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const first = await loadSigningKey(folder);
  t.strictSame(await loadOldSigningKeys(folder), []);
  const { from, to } = await rotateSigningKey(folder, 1_000);
  t.equal(from.keyId, first.keyId);
  t.not(to.publicKey, first.publicKey);
  t.equal((await loadSigningKey(folder)).publicKey, to.publicKey);
  const old = { keyId: first.keyId, publicKey: first.publicKey, expiredTs: 1_000 };
  t.strictSame(await loadOldSigningKeys(folder), [old]);
  await rotateSigningKey(folder, 2_000);
  const next = { keyId: to.keyId, publicKey: to.publicKey, expiredTs: 2_000 };
  t.strictSame(await loadOldSigningKeys(folder), [old, next]);
  t.equal((await stat(join(folder, 'keys', 'signing.key'))).mode & 0o777, 0o600);
  await writeFile(join(folder, 'keys', 'old.keys'), 'ed25519 a_x short 1\n');
  await t.rejects(loadOldSigningKeys(folder), /no line of the form/);
});
