import fc from 'fast-check';
import t from 'tap';
import { testRooms } from '../testing/room-context.ts';
import { textArray } from './text-array.ts';

t.test('texts reach the database as they are', async (t) => {
  const { pool } = (await testRooms(t)).db;
  const text = fc
    .oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constantFrom('', '"', '\\', '{', 'NULL'))
    .filter((one) => !one.includes('\u0000'));
  const texts = fc.array(fc.option(text), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(texts, async (written) => {
      const { rows } = await pool.query('SELECT unnest($1::text[]) AS text', [textArray(written)]);
      t.strictSame(
        rows.map((row) => row.text),
        written,
      );
    }),
    { numRuns: 50 },
  );
  const { rows } = await pool.query('SELECT $1::text[] = $2::text[] AS same', [
    textArray(['a', null, 'b']),
    ['a', null, 'b'],
  ]);
  t.ok(rows[0].same);
});
