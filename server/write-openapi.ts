import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Operation, openApiDocument } from '@candor/spec';
import { servedApis } from './http/served.ts';

// node server/write-openapi.ts: writes what the server serves into spec/openapi/, and a report of what is missing.

const folder = new URL('../spec/openapi/', import.meta.url);
const manifest = new URL('package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };

const write = (name: string, content: unknown): void =>
  writeFileSync(new URL(name, folder), `${JSON.stringify(content, null, 2)}\n`);

mkdirSync(folder, { recursive: true });
const coverage = servedApis.map(({ name, operations, handlers }) => {
  const isServed = ({ id, upgrade }: Operation) => id in handlers || upgrade !== undefined;
  const all = Object.values(operations);
  const served = all.filter(isServed);
  write(`${name}.openapi.json`, openApiDocument(served, { title: `Candor: ${name}`, version }));
  const missing = all.filter((operation) => !isServed(operation)).map(({ id }) => id);
  process.stdout.write(`${name}: ${served.length} of ${all.length} operations are served\n`);
  return { api: name, described: all.length, served: served.length, missing };
});
write('coverage.json', coverage);
