import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { publicKeyFromBase64, signingKeyFromSeed } from '../keys/signing-key.ts';
import { signedBytes, signJson, verifyJson } from './sign-json.ts';
import { decodeBase64, encodeBase64, encodeBase64Url } from './unpadded-base64.ts';

// https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors
const seed = Buffer.from('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1', 'base64');
const key = signingKeyFromSeed('1', seed);
const publicKey = publicKeyFromBase64(key.publicKey);

t.test("the specification's signatures", async (t) => {
  t.equal(key.keyId, 'ed25519:1');
  t.strictSame(signJson({}, 'domain', key), {
    signatures: {
      domain: {
        'ed25519:1':
          'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ',
      },
    },
  });
  t.strictSame(signJson({ one: 1, two: 'Two' }, 'domain', key), {
    one: 1,
    signatures: {
      domain: {
        'ed25519:1':
          'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw',
      },
    },
    two: 'Two',
  });
});

t.test('signatures are added beside others, and cover neither them nor unsigned', async (t) => {
  const other = signingKeyFromSeed('2', Buffer.alloc(32, 2));
  const once = signJson({ a: 1, unsigned: { age: 1 } }, 'a.example', key);
  const twice = signJson(signJson(once, 'a.example', other), 'b.example', other);
  t.same(signedBytes(twice).toString(), '{"a":1}');
  const signatures = twice['signatures'] as JsonObject;
  t.same(Object.keys(signatures['a.example'] as JsonObject), ['ed25519:1', 'ed25519:2']);
  t.ok(publicKey && verifyJson({ ...twice, unsigned: {} }, 'a.example', 'ed25519:1', publicKey));
});

t.test('a signature is good for its object, entity and key only', async (t) => {
  const otherKey = publicKeyFromBase64(signingKeyFromSeed('1', Buffer.alloc(32, 2)).publicKey);
  if (!publicKey || !otherKey) throw new Error('the keys are not readable');
  const signed = signJson({ a: 1 }, 'a.example', key);
  t.ok(verifyJson(signed, 'a.example', 'ed25519:1', publicKey));
  t.notOk(verifyJson({ ...signed, a: 2 }, 'a.example', 'ed25519:1', publicKey));
  t.notOk(verifyJson({ ...signed, b: 1 }, 'a.example', 'ed25519:1', publicKey));
  t.notOk(verifyJson(signed, 'b.example', 'ed25519:1', publicKey));
  t.notOk(verifyJson(signed, 'a.example', 'ed25519:2', publicKey));
  t.notOk(verifyJson(signed, 'a.example', 'ed25519:1', otherKey));
  for (const signatures of [
    null,
    [],
    'x',
    { 'a.example': null },
    { 'a.example': { 'ed25519:1': 1 } },
  ]) {
    t.notOk(verifyJson({ a: 1, signatures }, 'a.example', 'ed25519:1', publicKey));
  }
  t.notOk(verifyJson({ a: 1, signatures: {} }, 'constructor', 'name', publicKey));
});

t.test('keys of the wrong length are no keys', async (t) => {
  t.throws(() => signingKeyFromSeed('1', Buffer.alloc(31)), RangeError);
  t.equal(publicKeyFromBase64(encodeBase64(Buffer.alloc(31))), undefined);
  t.equal(publicKeyFromBase64('not base64!'), undefined);
  t.ok(publicKeyFromBase64(Buffer.from(key.publicKey, 'base64').toString('base64url')));
});

// https://spec.matrix.org/v1.19/appendices/#unpadded-base64
t.test("the specification's base64", async (t) => {
  const examples = {
    '': '',
    f: 'Zg',
    fo: 'Zm8',
    foo: 'Zm9v',
    foob: 'Zm9vYg',
    fooba: 'Zm9vYmE',
    foobar: 'Zm9vYmFy',
  };
  for (const [text, encoded] of Object.entries(examples)) {
    t.equal(encodeBase64(Buffer.from(text)), encoded);
    t.equal(decodeBase64(encoded)?.toString(), text);
    t.equal(decodeBase64(encoded, { strict: true })?.toString(), text);
  }
  t.equal(encodeBase64(Uint8Array.of(251, 255)), '+/8');
  t.equal(encodeBase64Url(Uint8Array.of(251, 255)), '-_8');
  t.equal(encodeBase64(new Uint8Array([1, 251, 255, 2]).subarray(1, 3)), '+/8');
});

t.test('reading base64 is lenient about padding and alphabet, and strict when asked', async (t) => {
  for (const text of ['+/8=', '-_8', '-_8=', '+/9']) {
    t.same(decodeBase64(text), Buffer.of(251, 255), text);
    t.equal(decodeBase64(text, { strict: true }), undefined, text);
  }
  for (const text of ['+/8 ', 'a*b', '=a', 'Zg===', 'Z\n'])
    t.equal(decodeBase64(text), undefined, text);
});
