import type { Json } from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { jsonBytes } from './json-bytes.ts';

t.test(
  'a JSON value counts at least the length of its texts, wherever they are in it',
  async () => {
    const textsIn = (value: Json): number => {
      if (typeof value === 'string') return value.length;
      if (typeof value !== 'object' || value === null) return 0;
      const members = Array.isArray(value) ? value : Object.entries(value).flat();
      return members.reduce((sum: number, member: Json) => sum + textsIn(member), 0);
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => jsonBytes(value as Json) >= textsIn(value as Json)),
    );
  },
);

t.test('many small members count too', async (t) => {
  const flags = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`${at}`, true]));
  t.ok(jsonBytes({ flags }) > 20_000);
});
