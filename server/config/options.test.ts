import { readFile } from 'node:fs/promises';
import t from 'tap';
import { settingsTable } from './describe-options.ts';
import { options } from './options.ts';

t.test('the README has the table of settings as it is', async (t) => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const shown = readme.split('\n').filter((line) => /^\| `[a-z_.]+` \| `CANDOR_/.test(line));
  t.strictSame(shown, settingsTable().split('\n').slice(2));
});

t.test('no two options share a key or a variable', async (t) => {
  for (const name of ['key', 'env'] as const)
    t.equal(new Set(options.map((option) => option[name])).size, options.length, name);
});
