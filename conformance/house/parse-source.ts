import { type Node, parseSync, visitorKeys } from 'oxc-parser';

/** One `import`, `export … from`, `import()` or `import('…')` type of a file. */
export type Import = {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
};

/** One syntax node with the nodes above it, nearest last. */
export type Visit = { readonly node: Node; readonly parents: readonly Node[] };

/** A source file as the laws look at it. `path` is relative to the top of the repository. */
export type Source = {
  readonly path: string;
  readonly lineCount: number;
  readonly imports: readonly Import[];
  /** Names of exported values; `default` for a default export. Re-exports of whole modules count as `*`. */
  readonly valueExports: readonly string[];
  readonly comments: readonly { readonly text: string; readonly line: number }[];
  readonly visits: readonly Visit[];
  readonly lineOf: (offset: number) => number;
};

/** Parses one TypeScript file; a syntax error is thrown with its place, since no law can be judged then. */
export const parseSource = (path: string, text: string): Source => {
  const parsed = parseSync(path, text);
  const fault = parsed.errors[0];
  const lineOf = lineFinder(text);
  if (fault) throw new Error(`${path}:${lineOf(fault.labels[0]?.start ?? 0)} ${fault.message}`);
  const visits = [...walk(parsed.program, [])];
  return {
    path,
    lineCount: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    imports: [...moduleImports(parsed.module, text), ...typeImports(visits)].map((one) => ({
      specifier: one.specifier,
      typeOnly: one.typeOnly,
      line: lineOf(one.start),
    })),
    valueExports: exportedValues(visits),
    comments: parsed.comments.map((c) => ({ text: c.value, line: lineOf(c.start) })),
    visits,
    lineOf,
  };
};

const lineFinder = (text: string) => {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset: number) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
};

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value;

function* walk(node: Node, parents: readonly Node[]): Generator<Visit> {
  yield { node, parents };
  const inner = [...parents, node];
  for (const key of visitorKeys[node.type] ?? []) {
    const child = (node as unknown as Record<string, unknown>)[key];
    for (const one of Array.isArray(child) ? child : [child]) {
      if (isNode(one)) yield* walk(one, inner);
    }
  }
}

type FoundImport = { specifier: string; typeOnly: boolean; start: number };

const moduleImports = (module: ReturnType<typeof parseSync>['module'], text: string) => {
  const found: FoundImport[] = [];
  for (const one of module.staticImports) {
    const typeOnly = one.entries.length > 0 && one.entries.every((entry) => entry.isType);
    found.push({ specifier: one.moduleRequest.value, typeOnly, start: one.start });
  }
  for (const one of module.staticExports) {
    const from = one.entries.find((entry) => entry.moduleRequest)?.moduleRequest;
    const typeOnly = one.entries.every((entry) => entry.isType);
    if (from) found.push({ specifier: from.value, typeOnly, start: one.start });
  }
  for (const one of module.dynamicImports) {
    const literal = /^['"`]([^'"`$]+)['"`]$/.exec(
      text.slice(one.moduleRequest.start, one.moduleRequest.end),
    );
    if (literal?.[1]) found.push({ specifier: literal[1], typeOnly: false, start: one.start });
  }
  return found;
};

const typeImports = (visits: readonly Visit[]): FoundImport[] =>
  visits.flatMap(({ node }) =>
    node.type === 'TSImportType'
      ? [{ specifier: node.source.value, typeOnly: true, start: node.start }]
      : [],
  );

const exportedValues = (visits: readonly Visit[]): string[] =>
  visits.flatMap(({ node }) => {
    if (node.type === 'ExportDefaultDeclaration') return ['default'];
    if (node.type === 'ExportAllDeclaration') return node.exportKind === 'type' ? [] : ['*'];
    if (node.type !== 'ExportNamedDeclaration' || node.exportKind === 'type') return [];
    const specifiers = node.specifiers.filter((one) => one.exportKind !== 'type');
    const named = specifiers.map((one) =>
      'name' in one.exported ? one.exported.name : one.exported.value,
    );
    return [...named, ...declaredNames(node.declaration)];
  });

const declaredNames = (declaration: unknown): string[] => {
  if (!isNode(declaration)) return [];
  if (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration') {
    return declaration.id ? [declaration.id.name] : [];
  }
  if (declaration.type !== 'VariableDeclaration') return [];
  return declaration.declarations.map((one) => ('name' in one.id ? one.id.name : 'a pattern'));
};
