import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importsGoDown } from './imports-go-down.ts';
import { licences } from './licences.ts';
import { limitsHold } from './limits-hold.ts';
import { noCycles } from './no-cycles.ts';
import { oneDoor } from './one-door.ts';
import { oneSpelling } from './one-spelling.ts';
import { pureFederation } from './pure-federation.ts';
import { readSources } from './read-sources.ts';
import { shape } from './shape.ts';

const top = join(import.meta.dirname, '../..');
const sources = readSources(top);
const laws = [oneSpelling, importsGoDown, noCycles, oneDoor, pureFederation, shape, limitsHold];
const violations = [
  ...laws.flatMap((law) => law(sources)),
  ...licences(JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8'))),
];
for (const { path, line, law, text } of violations)
  console.error(`${path}:${line} law ${law}: ${text}`);
console.log(`${sources.length} files, ${violations.length} breaches of the house laws`);
process.exitCode = violations.length > 0 ? 1 : 0;
