import { basename } from 'node:path';
import type { Source } from './parse-source.ts';
import type { Violation } from './violation.ts';

const handlerFolder = /^server\/http\/(client|federation|candor)\//;
const checkFolder = 'conformance/checks/disclosures/';

/** Law 1: an operation's id names its entry in `spec/` and its handler; a disclosure's id names its entry and its check. */
export const oneSpelling = (sources: readonly Source[]): Violation[] => {
  const operations = idsOf(sources, 'spec/', 'operation');
  const disclosures = idsOf(sources, 'spec/disclosures/', 'disclosure');
  const violations = [...repeated(operations, 'operation'), ...repeated(disclosures, 'disclosure')];
  const operationIds = new Set(operations.map((one) => one.id));
  const disclosureIds = new Set(disclosures.map((one) => one.id));
  for (const { path } of sources.filter(isNamedById)) {
    const id = basename(path, '.ts');
    if (handlerFolder.test(path) && !operationIds.has(id)) {
      const text = `no operation '${id}' in spec/: name the handler by its operationId, or describe the operation first`;
      violations.push({ path, line: 1, law: 1, text });
    }
    if (path.startsWith(checkFolder) && !disclosureIds.has(id)) {
      const text = `no disclosure '${id}' in spec/disclosures/: name the check by its disclosure's id`;
      violations.push({ path, line: 1, law: 1, text });
    }
  }
  return violations;
};

const isNamedById = ({ path }: Source) =>
  !path.endsWith('.test.ts') && basename(path) !== 'index.ts';

type Entry = { id: string; path: string; line: number };

/** Every `call({ id: '…' })` below a folder. */
const idsOf = (sources: readonly Source[], folder: string, call: string): Entry[] =>
  sources
    .filter(({ path }) => path.startsWith(folder) && !path.endsWith('.test.ts'))
    .flatMap((source) =>
      source.visits.flatMap(({ node }) => {
        if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier') return [];
        const argument = node.arguments[0];
        if (node.callee.name !== call || argument?.type !== 'ObjectExpression') return [];
        for (const property of argument.properties) {
          if (property.type !== 'Property' || property.key.type !== 'Identifier') continue;
          if (property.key.name !== 'id' || property.value.type !== 'Literal') continue;
          const id = String(property.value.value);
          return [{ id, path: source.path, line: source.lineOf(property.start) }];
        }
        return [];
      }),
    );

const repeated = (entries: readonly Entry[], what: string): Violation[] => {
  const first = new Map<string, Entry>();
  return entries.flatMap((entry) => {
    const earlier = first.get(entry.id);
    first.set(entry.id, earlier ?? entry);
    if (!earlier) return [];
    const text = `${what} '${entry.id}' is already in ${earlier.path}:${earlier.line}: keep one`;
    return [{ path: entry.path, line: entry.line, law: 1, text }];
  });
};
