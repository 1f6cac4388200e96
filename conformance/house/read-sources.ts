import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSource, type Source } from './parse-source.ts';

const packages = ['spec', 'federation', 'server', 'client-sdk', 'conformance'];

/** Parses every TypeScript file of the five packages below the top of the repository. */
export const readSources = (top: string): Source[] =>
  globSync(`{${packages.join(',')}}/**/*.ts`, {
    cwd: top,
    exclude: (path) => path.endsWith('node_modules') || path.endsWith('.d.ts'),
  })
    .sort()
    .map((path) => parseSource(path, readFileSync(join(top, path), 'utf8')));
