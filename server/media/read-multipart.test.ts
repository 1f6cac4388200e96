import fc from 'fast-check';
import t from 'tap';
import { boundaryOf, readSecondPart } from './read-multipart.ts';

async function* inChunks(bytes: Buffer, sizes: readonly number[]) {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const bodyOf = async (part: { readonly body: AsyncIterable<Uint8Array> }) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.body) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const multipart = (content: Buffer, head = 'Content-Type: image/png') =>
  Buffer.concat([
    Buffer.from(`--b0undary\r\nContent-Type: application/json\r\n\r\n{}\r\n--b0undary\r\n${head}`),
    Buffer.from('\r\n\r\n'),
    content,
    Buffer.from('\r\n--b0undary--\r\n'),
  ]);

t.test('the second part comes out whole, however the bytes arrive', async (t) => {
  const pieces = fc.constantFrom('\r', '\n', '-', '--', 'b0und', '\r\n--b0undar', 'x', '\0', 'é');
  await fc.assert(
    fc.asyncProperty(
      fc.array(pieces, { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      async (texts, sizes) => {
        const content = Buffer.from(texts.join(''));
        const part = await readSecondPart(inChunks(multipart(content), sizes), 'b0undary');
        return (
          part.headers.get('content-type') === 'image/png' && (await bodyOf(part)).equals(content)
        );
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('a part needs no headers, and no more than the closing delimiter', async (t) => {
  const whole = Buffer.from('--b0undary\r\n\r\n{}\r\n--b0undary\r\n\r\nabc\r\n--b0undary');
  const part = await readSecondPart(inChunks(whole, [7]), 'b0undary');
  t.equal(part.headers.size, 0);
  t.equal((await bodyOf(part)).toString(), 'abc');
});

t.test('what is cut off, or has no end, is an error', async (t) => {
  const whole = multipart(Buffer.from('abc'));
  for (const length of [0, 5, 30, 60, 80]) {
    await t.rejects(readSecondPart(inChunks(whole.subarray(0, length), [9]), 'b0undary'));
  }
  const cut = whole.subarray(0, whole.length - 14);
  const part = await readSecondPart(inChunks(cut, [9]), 'b0undary');
  await t.rejects(bodyOf(part), /broke off/);
  const endless = multipart(Buffer.from('abc'), `X: ${'y'.repeat(20_000)}`);
  await t.rejects(readSecondPart(inChunks(endless, [500]), 'b0undary'), /too long/);
  await t.rejects(readSecondPart(inChunks(Buffer.alloc(50_000), [500]), 'b0undary'), /too long/);
});

t.test('the source is closed when a part is given up', async (t) => {
  let isClosed = false;
  const source = async function* () {
    try {
      yield* inChunks(multipart(Buffer.alloc(100_000, 'z')), [1_000]);
    } finally {
      isClosed = true;
    }
  };
  const { body } = await readSecondPart(source(), 'b0undary');
  for await (const chunk of body) {
    t.ok(chunk.length > 0);
    break;
  }
  t.ok(isClosed);
});

t.test('boundaries are read from their header', (t) => {
  for (const [header, boundary] of [
    ['multipart/mixed; boundary=abc', 'abc'],
    ['Multipart/Mixed;boundary="a b"; x=y', 'a b'],
    ['multipart/mixed; x=y; boundary=abc; z', 'abc'],
    ['multipart/mixed', undefined],
    ['multipart/form-data; boundary=abc', undefined],
    [undefined, undefined],
  ] as const) {
    t.equal(boundaryOf(header), boundary, String(header));
  }
  t.end();
});
