import fc from 'fast-check';
import t from 'tap';
import { ListSplitter } from './list-splitter.ts';
import { parseJson } from './parse-json.ts';

const names = ['state', 'auth_chain'];

/** Puts together again what was split, the text in pieces of `size` bytes. */
const readSplit = (text: string, size: number): unknown => {
  const lists: Record<string, unknown[]> = {};
  const splitter = new ListSplitter(names, (name, item) => {
    lists[name] = [...(lists[name] ?? []), parseJson(item)];
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
  return { ...(parseJson(splitter.end()) as object), ...lists };
};

t.test('an object taken apart is the same object, wherever its bytes are cut', async () => {
  const list = fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 5 });
  const object = fc.record(
    { state: list, auth_chain: list, event: fc.jsonValue(), 'other "state"': list },
    { requiredKeys: [] },
  );
  const space = fc.constantFrom(undefined, 1, '\t');
  fc.assert(
    fc.property(object, space, fc.integer({ min: 1, max: 40 }), (value, indent, size) => {
      const text = JSON.stringify(value, null, indent);
      t.strictSame(readSplit(text, size), JSON.parse(text));
    }),
  );
});

t.test('only lists right in the object are taken apart', async (t) => {
  const taken: string[] = [];
  const text =
    '{"a":{"state":[1,2]},"b":[{"state":[3]}],"c":"{\\"state\\":[4]","state":[5 , "]",[6]]}';
  const splitter = new ListSplitter(names, (name, item) => taken.push(`${name} ${item.trim()}`));
  splitter.push(Buffer.from(text));
  t.same(taken, ['state 5', 'state "]"', 'state [6]']);
  t.equal(splitter.end(), text.replace('[5 , "]",[6]]', '[]'));
});

const refused = {
  'an item that is missing': '{"state":[1,,2]}',
  'an item that is missing at the end': '{"state":[1,]}',
  'a list that is cut off': '{"state":[1,2',
  'a list that is closed as an object': '{"state":[1}}',
  'a list that comes twice': '{"state":[1],"state":[2]}',
  'a list that comes twice, spelt otherwise': '{"state":[1],"st\\u0061te":[2]}',
  'an item that is no JSON': '{"state":[{]}]}',
  'an item with a member twice': '{"state":[{"a":1,"a":2}]}',
  'what is behind the object': '{"state":[1]} 2',
  'no object': '"state":[1]',
};

for (const [name, text] of Object.entries(refused)) {
  t.test(`${name} is refused`, async (t) => {
    for (const size of [1, 1_000]) t.throws(() => readSplit(text, size), SyntaxError);
  });
}

t.test('what is no UTF-8 is refused in items and outside', async (t) => {
  const wrong = Buffer.from([0xff]);
  const push = (before: string, after: string) => () => {
    const splitter = new ListSplitter(names, () => undefined);
    splitter.push(Buffer.concat([Buffer.from(before), wrong, Buffer.from(after)]));
    return splitter.end();
  };
  t.throws(push('{"state":["', '"]}'), TypeError);
  t.throws(push('{"event":"', '"}'), TypeError);
});
