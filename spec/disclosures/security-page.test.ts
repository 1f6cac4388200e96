import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkPath, disclosure } from './disclosure.ts';
import { disclosures } from './register.ts';
import { isKept, securityPage } from './security-page.ts';

const top = join(import.meta.dirname, '../..');
const isThere = (path: string) => existsSync(join(top, path));

t.test('SECURITY.md is what the register says', async (t) => {
  t.equal(
    readFileSync(join(top, 'SECURITY.md'), 'utf8'),
    securityPage(disclosures, isThere),
    'run `npm run security-page` and commit what it writes',
  );
});

t.test('an entry whose check is there names code that is there', async (t) => {
  for (const entry of disclosures.filter((one) => isThere(checkPath(one)))) {
    for (const path of entry.code) t.ok(isThere(path), `${entry.id}: ${path}`);
    t.ok(entry.since, `${entry.id} is checked, so it is claimed`);
  }
  const waiting = disclosures.filter(
    (one) => one.kind === 'protected' && one.since && !isKept(one, isThere),
  );
  t.comment(
    `claimed, code or check still missing: ${waiting.map(({ id }) => id).join(', ') || 'none'}`,
  );
});

t.test('an id names one promise, or the promise and nothing else', async (t) => {
  const ids = disclosures.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length);
  for (const id of ids) t.match(id, /^[a-z0-9]+(-[a-z0-9]+)*$/);
});

const promise = disclosure({
  id: 'walls',
  kind: 'protected',
  title: 'Walls are thick',
  wording: 'They are.',
  parameters: { thicknessCm: 40 },
  code: ['walls.ts'],
  since: '1.0.0',
});

t.test('a promise is stated only while its code and its check are there', async (t) => {
  const kept = securityPage([promise], () => true);
  t.match(kept, '## What is protected');
  t.match(kept, '**Walls are thick** (`walls`). They are. Figures: thicknessCm 40.');
  t.match(kept, 'since 1.0.0.');
  t.notMatch(kept, 'Not there yet (');
  const unchecked = securityPage([promise], (path) => path === 'walls.ts');
  t.notMatch(unchecked, '## What is protected');
  t.match(unchecked, '- Walls are thick (`walls`): no check proves it yet.');
  t.match(
    securityPage([promise], () => false),
    '(`walls`): no check proves it yet.',
  );
  t.match(
    securityPage([{ ...promise, since: undefined }], () => true),
    '(`walls`): not built.',
  );
});

t.test('a limit is stated from the version that has it', async (t) => {
  const limit = disclosure({ ...promise, id: 'doors', kind: 'not-protected', title: 'Doors' });
  t.match(
    securityPage([limit], () => false),
    '## What is not protected',
  );
  const later = securityPage([{ ...limit, since: undefined }], () => false);
  t.notMatch(later, '## What is not protected');
  t.match(later, '- Doors (`doors`): not built.');
});
