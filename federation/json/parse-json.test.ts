import fc from 'fast-check';
import t from 'tap';
import { parseJson } from './parse-json.ts';

t.test('JSON is read as JSON.parse reads it, floats too', async (t) => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
      t.strictSame(parseJson(text), JSON.parse(text));
    }),
  );
  t.same(parseJson(' {"a" : [1.5, -0, "\\"}:{", "\\\\"]} '), { a: [1.5, -0, '"}:{', '\\'] });
  t.same(parseJson('"\\ud83d\\ude00"'), '😀');
  t.same(parseJson('{"a":"\\\\","b::":"\\\\\\"","c:":1}'), { a: '\\', 'b::': '\\"', 'c:': 1 });
  t.equal(parseJson('7'), 7);
});

t.test('what is no JSON is refused', async (t) => {
  for (const text of [
    '',
    '{',
    '"',
    '"\\',
    '{"a":1,}',
    '[1 2]',
    'undefined',
    '{"a":1}}',
    "{'a':1}",
  ]) {
    t.throws(() => parseJson(text), SyntaxError, text);
  }
});

t.test('a duplicate key is refused wherever it is', async (t) => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":1,"c":2}}',
    '[{"a":1},{"a":1,"\\u0061":2}]',
    '{"__proto__":1,"__proto__":2}',
  ]) {
    t.throws(() => parseJson(text), /duplicate key/, text);
  }
  t.same(Object.keys(parseJson('{"__proto__":1,"a":{"a":{"a":1}}}') as object), ['__proto__', 'a']);
});

t.test('lone surrogates are refused, escaped or not', async (t) => {
  for (const text of [
    '"\\ud800"',
    '["\\uDC00x"]',
    '{"\\ud800":1}',
    '"\ud800"',
    '{"a":{"b":"\udc00"}}',
  ]) {
    t.throws(() => parseJson(text), /lone surrogate/, JSON.stringify(text));
  }
});

t.test('deep nesting is refused before it is parsed', async (t) => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  t.doesNotThrow(() => parseJson(nested(64)));
  t.throws(() => parseJson(nested(65)), /too deep/);
  t.throws(() => parseJson('{"a":'.repeat(1_000_000)), /too deep/);
  t.type(parseJson(nested(20_000), 20_000), Array, 'where more is allowed the stack bears it');
  t.throws(() => parseJson(nested(20_001), 20_000), /too deep/);
  const wide = Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`é${n}`, [n]]));
  t.type(parseJson(JSON.stringify(wide)), Object, 'nor is it used up by many members');
  t.doesNotThrow(() => parseJson(JSON.stringify('['.repeat(100))));
});

t.test('a refusal does not repeat what it refuses', async (t) => {
  for (const text of [
    'secret',
    '{"a": secret}',
    '["secret"',
    '{"secret":1,"secret":2}',
    '"secret\\ud800"',
  ]) {
    const refused = (): string => {
      try {
        parseJson(text);
        return 'secret, taken';
      } catch (error) {
        return (error as Error).message;
      }
    };
    t.match(refused(), /^JSON /, text);
    t.notMatch(refused(), /secret/, text);
  }
});
