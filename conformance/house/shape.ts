import { basename } from 'node:path';
import type { Source, Visit } from './parse-source.ts';
import type { Violation } from './violation.ts';

const fileLinesMax = 300;
const tableLinesMax = 500;
const functionLinesMax = 70;
const valueExportsMax = 3;
/** Storage has one file per kind of data: its reads and writes stay together. */
const storageExportsMax = 12;
const emptyNames = /^(utils?|helpers?|commons?|shared|managers?|base|misc|tests?)$/;
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench))?$/;
const namedById = /^(server\/http\/(client|federation|candor)|conformance\/checks)\//;
const unfinished = /\b(FIXME|TODO|XXX|HACK)\b/;

type Fault = { readonly line: number; readonly text: string };

/** Law 6: what a file may look like. Law 5, no file that only forwards, is judged here too. */
export const shape = (sources: readonly Source[]): Violation[] =>
  sources.flatMap((source) => {
    const faults = [
      ...nameFaults(source),
      ...sizeFaults(source),
      ...exportFaults(source),
      ...wordFaults(source),
    ];
    const broken = faults.map((fault) => ({ path: source.path, law: 6, ...fault }));
    if (!onlyForwards(source)) return broken;
    const text = 'this file only forwards: import from where the code is, and remove it';
    return [...broken, { path: source.path, line: 1, law: 5, text }];
  });

const nameFaults = ({ path }: Source): Fault[] => {
  const parts = path.split('/');
  const file = basename(path, '.ts');
  const empty = [...parts.slice(0, -1), file].find((name) => emptyNames.test(name));
  const faults = empty
    ? [{ line: 1, text: `'${empty}' says nothing: name it by what it does` }]
    : [];
  if (!kebabCase.test(file) && !(namedById.test(path) && /^[A-Za-z0-9_]+(\.test)?$/.test(file))) {
    faults.push({
      line: 1,
      text: `'${file}': file names are kebab-case (handlers verbatim operationId)`,
    });
  }
  return faults;
};

const sizeFaults = (source: Source): Fault[] => {
  const roomy = isTable(source) || isTest(source);
  const max = roomy ? tableLinesMax : fileLinesMax;
  const faults: Fault[] = [];
  if (source.lineCount > max) {
    faults.push({
      line: max,
      text: `${source.lineCount} lines, at most ${max}: split the file by what it does`,
    });
  }
  if (isTest(source)) return faults;
  for (const { node } of source.visits.filter(isFunction)) {
    const line = source.lineOf(node.start);
    const length = source.lineOf(node.end) - line + 1;
    if (length <= functionLinesMax) continue;
    faults.push({
      line,
      text: `a function of ${length} lines, at most ${functionLinesMax}: give its steps names`,
    });
  }
  return faults;
};

const exportFaults = (source: Source): Fault[] => {
  const { valueExports } = source;
  const max = source.path.startsWith('server/storage/') ? storageExportsMax : valueExportsMax;
  if (valueExports.includes('default'))
    return [{ line: 1, text: 'a default export: export it by its name' }];
  if (basename(source.path) === 'index.ts' || isTable(source) || valueExports.length <= max)
    return [];
  const text = `${valueExports.length} value exports (${valueExports.join(', ')}), at most ${max}: split the file`;
  return [{ line: 1, text }];
};

const wordFaults = (source: Source): Fault[] => {
  // Tests look into answers freely; the linter still asks for a reason there.
  const anys = source.visits.flatMap(({ node }) =>
    node.type === 'TSAnyKeyword' && !isTest(source) && !source.path.includes('/testing/')
      ? [{ line: source.lineOf(node.start), text: "'any': use 'unknown' and narrow it" }]
      : [],
  );
  const unfinishedNotes = source.comments.flatMap(({ text, line }) => {
    const word = unfinished.exec(text)?.[0];
    return word ? [{ line, text: `${word}: finish it now, or leave it out` }] : [];
  });
  const snapshots = source.visits.flatMap(({ node }) =>
    isTest(source) && node.type === 'Identifier' && node.name === 'matchSnapshot'
      ? [{ line: source.lineOf(node.start), text: 'matchSnapshot: write the expected value out' }]
      : [],
  );
  return [...anys, ...unfinishedNotes, ...snapshots];
};

const isTest = ({ path }: Source) => path.endsWith('.test.ts');

const isFunction = ({ node }: Visit) =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression';

/** A table declares and does not act: no function in it has a body of statements. */
const isTable = (source: Source) =>
  !source.visits.some(
    (visit) => isFunction(visit) && 'body' in visit.node && isBlock(visit.node.body),
  );

const isBlock = (body: unknown) =>
  typeof body === 'object' &&
  body !== null &&
  'type' in body &&
  (body.type === 'BlockStatement' || body.type === 'FunctionBody');

const onlyForwards = ({ path, visits }: Source) => {
  const program = visits[0]?.node;
  if (basename(path) === 'index.ts' || program?.type !== 'Program' || program.body.length === 0)
    return false;
  return program.body.every((statement) => {
    if (statement.type === 'ImportDeclaration' || statement.type === 'ExportAllDeclaration')
      return true;
    return statement.type === 'ExportNamedDeclaration' && !statement.declaration;
  });
};
