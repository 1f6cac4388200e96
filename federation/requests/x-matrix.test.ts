import { verify } from 'node:crypto';
import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import { publicKeyFromBase64, signingKeyFromSeed } from '../keys/signing-key.ts';
import { parseAuthorization, requestSignedBytes, signRequest } from './x-matrix.ts';

const key = signingKeyFromSeed('key1', Buffer.alloc(32, 3));
const request = {
  method: 'PUT',
  uri: '/_matrix/federation/v1/send/1?x=%20',
  origin: 'a.example:8448',
  destination: '[::1]:8448',
};

t.test('a request is signed with and without a body, and read back', async (t) => {
  const publicKey = publicKeyFromBase64(key.publicKey);
  if (!publicKey) throw new Error('the key is not readable');
  const bodies: JsonObject[] = [{}, { pdus: [], edus: [] }];
  for (const sent of [request, ...bodies.map((content) => ({ ...request, content }))]) {
    const header = signRequest(sent, key);
    const read = parseAuthorization(header);
    t.match(read, { origin: 'a.example:8448', destination: '[::1]:8448', keyId: 'ed25519:key1' });
    const signature = Buffer.from(read?.signature ?? '', 'base64');
    t.ok(verify(null, requestSignedBytes(sent), publicKey, signature));
    const elsewhere = { ...sent, destination: 'b.example' };
    t.notOk(verify(null, requestSignedBytes(elsewhere), publicKey, signature));
  }
});

t.test('the signed bytes are the canonical JSON of the request', async (t) => {
  t.equal(
    requestSignedBytes({ ...request, content: { b: 1, a: 2 } }).toString(),
    '{"content":{"a":2,"b":1},"destination":"[::1]:8448","method":"PUT","origin":"a.example:8448","uri":"/_matrix/federation/v1/send/1?x=%20"}',
  );
  t.throws(() => requestSignedBytes({ ...request, content: { a: 1.5 } }), /no safe integer/);
  const content = { a: [1], b: 'é' };
  t.strictSame(
    requestSignedBytes({ ...request, content: { a: 0.5 }, contentText: canonicalJson(content) }),
    requestSignedBytes({ ...request, content }),
    'the text stands where the canonical form would',
  );
});

t.test('the header is written so that old servers read it', async (t) => {
  t.match(
    signRequest(request, key),
    /^X-Matrix origin="a\.example:8448",destination="\[::1\]:8448",key="ed25519:key1",sig="[A-Za-z0-9+/]{86}"$/,
  );
});

t.test('headers are read by the grammar of RFC 9110', async (t) => {
  const expected = {
    origin: 'a.example',
    destination: 'b.example',
    keyId: 'ed25519:k',
    signature: 'ab+/',
  };
  for (const header of [
    'X-Matrix origin="a.example",destination="b.example",key="ed25519:k",sig="ab+/"',
    'x-matrix   SIG="ab+/" ,\tKey=ed25519:k , Origin=a.example,destination=b.example',
    'X-MATRIX origin = "a.example" , destination="b\\.exa\\mple", key="ed25519\\:k",, sig="ab+/",',
    'X-Matrix extra="a,b=\\"c\\"",origin=a.example,destination=b.example,key=ed25519:k,sig="ab+/"',
  ]) {
    t.strictSame(parseAuthorization(header), expected, header);
  }
  const { destination: _destination, ...old } = expected;
  t.strictSame(parseAuthorization('X-Matrix origin=a.example,key=ed25519:k,sig="ab+/"'), old);
});

t.test('what is not a complete X-Matrix header is refused', async (t) => {
  for (const header of [
    '',
    'X-Matrix',
    'X-Matrix ',
    'Bearer origin=a.example,key=ed25519:k,sig=ab',
    'X-Matrixorigin=a.example,key=ed25519:k,sig=ab',
    'X-Matrix key=ed25519:k,sig=ab',
    'X-Matrix origin=a.example,sig=ab',
    'X-Matrix origin=a.example,key=ed25519:k',
    'X-Matrix origin="",key=ed25519:k,sig=ab',
    'X-Matrix origin="a b",key=ed25519:k,sig=ab',
    'X-Matrix origin=a.example,key=ed25519:k,sig="ab',
    'X-Matrix origin=a.example key=ed25519:k,sig=ab',
    'X-Matrix origin=a.example,key=ed25519:k,sig=ab,sig=cd',
    'X-Matrix origin=a.example,key=ed25519:k,sig=a/b',
    'X-Matrix origin=a.example,=,key=ed25519:k,sig=ab',
  ]) {
    t.equal(parseAuthorization(header), undefined, header);
  }
});
