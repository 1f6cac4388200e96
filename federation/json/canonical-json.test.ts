import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { CanonicalJsonError, canonicalJson } from './canonical-json.ts';

// https://spec.matrix.org/v1.19/appendices/#examples
t.test("the specification's examples", async (t) => {
  const examples: readonly (readonly [text: string, canonical: string])[] = [
    ['{}', '{}'],
    ['{\n  "one": 1,\n  "two": "Two"\n}', '{"one":1,"two":"Two"}'],
    ['{\n  "b": "2",\n  "a": "1"\n}', '{"a":"1","b":"2"}'],
    ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
    [
      '{"auth":{"success":true,"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"medium":"email","address":"john.doe@example.org"},{"medium":"msisdn","address":"123456789"}]}}}',
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{"a": "日本語"}', '{"a":"日本語"}'],
    ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
    ['{"a": "\\u65E5"}', '{"a":"日"}'],
    ['{"a": null}', '{"a":null}'],
    ['{"b": 1e10}', '{"b":10000000000}'],
  ];
  for (const [text, canonical] of examples) {
    t.equal(canonicalJson(JSON.parse(text)), canonical);
  }
});

t.test('strings are escaped as little as possible', async (t) => {
  t.equal(
    canonicalJson('\b\t\n\f\r"\\\u0000\u000b\u001f\u007f\u2028/é😀'),
    '"\\b\\t\\n\\f\\r\\"\\\\\\u0000\\u000b\\u001f\u007f\u2028/é😀"',
  );
});

t.test('keys are sorted by code point, not by UTF-16 unit', async (t) => {
  t.equal(canonicalJson({ '😀': 1, '\uff5e': 2, a: 3 }), '{"a":3,"\uff5e":2,"😀":1}');
  t.equal(canonicalJson({ '😀b': 1, '😀': 2, '\ud83d\ude01': 3 }), '{"😀":2,"😀b":1,"😁":3}');
});

t.test('what has no canonical form is refused', async (t) => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  t.doesNotThrow(() => canonicalJson(deep(64)));
  const refused: readonly unknown[] = [
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    -(2 ** 53),
    -0,
    '\ud800',
    'a\udc00b',
    { '\ud800': 1 },
    deep(65),
    undefined,
    { a: undefined },
    10n,
    Symbol('a'),
    () => 1,
    new Date(0),
    new Map(),
    Buffer.from('a'),
  ];
  for (const value of refused) {
    t.throws(() => canonicalJson(value), CanonicalJsonError);
    t.throws(() => canonicalJson({ inside: [value] }), CanonicalJsonError);
  }
  t.equal(
    canonicalJson([2 ** 53 - 1, -(2 ** 53) + 1, 0]),
    '[9007199254740991,-9007199254740991,0]',
  );
});

t.test('names of object members are keys like any other', async (t) => {
  const value: unknown = JSON.parse('{"constructor":1,"__proto__":{"a":2}}');
  t.equal(canonicalJson(value), '{"__proto__":{"a":2},"constructor":1}');
});

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 3 }), tie('value'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
})).value;

const byCodePoint = (a: string, b: string): number => {
  const [x, y] = [Array.from(a), Array.from(b)].map((points) =>
    points.map((point) => String(point.codePointAt(0)).padStart(7, '0')).join(),
  );
  return (x ?? '') < (y ?? '') ? -1 : 1;
};

const isSorted = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isSorted);
  // Integer-like keys are the one kind that an object does not keep in place.
  const keys = Object.keys(value).filter((key) => !/^\d+$/.test(key));
  const inOrder = keys.every((key, i) => i === 0 || byCodePoint(keys[i - 1] ?? '', key) < 0);
  return inOrder && Object.values(value).every(isSorted);
};

t.test(
  'canonical JSON reads back as the same value, sorted, and is its own canonical form',
  async (t) => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        const back: unknown = JSON.parse(text);
        return canonicalJson(back) === text && isDeepStrictEqual(back, value) && isSorted(back);
      }),
      { numRuns: 100 },
    );
    t.pass();
  },
);

t.test('the order in which keys were set does not matter', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary', maxLength: 4 }), fc.nat()), (object) => {
      const turned = Object.fromEntries(Object.entries(object).reverse());
      return canonicalJson(turned) === canonicalJson(object);
    }),
  );
  t.pass();
});
