import t from 'tap';
import { readTogether } from './read-together.ts';

t.test('reads of one turn become one, in their order; later ones are for themselves', async (t) => {
  const asked: (readonly number[])[] = [];
  const double = readTogether(async (keys: readonly number[]) => {
    asked.push(keys);
    return keys.map((key) => 2 * key);
  });
  t.same(await Promise.all([double(1), double(2), double(1)]), [2, 4, 2]);
  t.equal(await double(3), 6);
  t.same(asked, [[1, 2, 1], [3]]);
});

t.test('a row that cannot be read fails who asked for it, and nobody else', async (t) => {
  const read = readTogether(async (keys: readonly string[]) => {
    if (keys.includes('bad')) throw new Error('a bad row');
    return keys.map((key) => key.toUpperCase());
  });
  const [one, bad, other] = await Promise.allSettled([read('a'), read('bad'), read('b')]);
  t.match(bad, { status: 'rejected', reason: { message: 'a bad row' } });
  t.match([one, other], [{ value: 'A' }, { value: 'B' }]);
});

t.test(
  'while the database is away everybody fails at once, and nothing is tried again',
  async (t) => {
    let reads = 0;
    const read = readTogether(async () => {
      reads += 1;
      throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    });
    const results = await Promise.allSettled([read('a'), read('b')]);
    t.same(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    t.equal(reads, 1);
  },
);
