import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { disclosures } from './register.ts';
import { securityPage } from './security-page.ts';

const top = join(import.meta.dirname, '../..');
writeFileSync(
  join(top, 'SECURITY.md'),
  securityPage(disclosures, (path) => existsSync(join(top, path))),
);
