import { basename, dirname } from 'node:path';
import type { Source } from './parse-source.ts';
import type { Violation } from './violation.ts';

/** Where the handlers of an API are, and where its operations are described. Ids are unique within one API. */
const apis = [
  { handlers: 'server/http/client/', operations: 'spec/client-server/' },
  { handlers: 'server/http/federation/', operations: 'spec/federation/' },
  { handlers: 'server/http/candor/', operations: 'spec/candor/' },
];
const registerFolder = 'spec/disclosures/';
const checkFolder = 'conformance/checks/disclosures/';

/** Law 1: an operation's id names its entry in `spec/` and its handler; a disclosure's id names its entry and its check. */
export const oneSpelling = (sources: readonly Source[]): Violation[] => [
  ...apis.flatMap(({ handlers, operations }) =>
    named(
      sources,
      handlers,
      idsOf(sources, operations, 'operation'),
      (id) =>
        `no operation '${id}' in ${operations}: name the handler by its operationId, or describe the operation first`,
    ),
  ),
  ...named(
    sources,
    checkFolder,
    idsOf(sources, registerFolder, 'disclosure'),
    (id) => `no disclosure '${id}' in ${registerFolder}: name the check by its disclosure's id`,
  ),
];

/** Every file below `folder` carries the id of an entry, and no two entries carry the same. */
const named = (
  sources: readonly Source[],
  folder: string,
  entries: readonly Entry[],
  advice: (id: string) => string,
): Violation[] => {
  const ids = new Set(entries.map((one) => one.id));
  const strays = sources
    .filter((source) => source.path.startsWith(folder) && isNamedById(source))
    .map(({ path }) => ({ path, id: basename(path, '.ts') }))
    .filter(({ id }) => !ids.has(id));
  return [
    ...repeated(entries),
    ...strays.map(({ path, id }) => ({ path, line: 1, law: 1, text: advice(id) })),
  ];
};

/** Beside handlers a hyphen marks what several of a module share, such as the wire form of a device. */
const isNamedById = ({ path }: Source) => {
  const name = basename(path);
  if (path.endsWith('.test.ts') || name === 'index.ts') return false;
  return !(path.startsWith('server/http/') && name.includes('-'));
};

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

/** Two interfaces of the specification may use one operationId: `getPublicRooms` is in both. */
const repeated = (entries: readonly Entry[]): Violation[] => {
  const first = new Map<string, Entry>();
  return entries.flatMap((entry) => {
    const key = `${dirname(entry.path)} ${entry.id}`;
    const earlier = first.get(key);
    first.set(key, earlier ?? entry);
    if (!earlier) return [];
    const text = `'${entry.id}' is already in ${earlier.path}:${earlier.line}: keep one`;
    return [{ path: entry.path, line: entry.line, law: 1, text }];
  });
};
