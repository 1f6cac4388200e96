import type { Source, Visit } from './parse-source.ts';
import type { Violation } from './violation.ts';

const impureGlobals = new Set([
  ...['Promise', 'Date', 'process', 'performance', 'console', 'fetch', 'globalThis', 'crypto'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'WeakRef'],
]);
const randomSources = /^(random\w*|getRandomValues|generateKey\w*|generatePrime\w*|webcrypto)$/;

/** Law 4: `federation/` outside `transport/` depends on its arguments alone, so that two servers answer alike. */
export const pureFederation = (sources: readonly Source[]): Violation[] =>
  sources.filter(isPure).flatMap((source) => {
    const imports = source.imports
      .filter(({ specifier }) => specifier.startsWith('node:') && specifier !== 'node:crypto')
      .map(({ specifier, line }) => ({
        line,
        text: `'${specifier}': of Node only 'node:crypto' may be imported here`,
      }));
    const uses = source.visits.flatMap((visit) => {
      const text = impurity(visit);
      return text ? [{ line: source.lineOf(visit.node.start), text }] : [];
    });
    return [...imports, ...uses].map((one) => ({ path: source.path, law: 4, ...one }));
  });

const isPure = ({ path }: Source) =>
  path.startsWith('federation/') &&
  !path.startsWith('federation/transport/') &&
  !path.startsWith('federation/testing/') &&
  !path.endsWith('.test.ts');

const impurity = ({ node, parents }: Visit): string | undefined => {
  if (node.type === 'AwaitExpression')
    return 'await: pure code answers at once, load what it needs before calling it';
  if (node.type === 'ForOfStatement' && node.await) return 'for await: pure code answers at once';
  if ('async' in node && node.async === true)
    return 'async: pure code answers at once, load what it needs before calling it';
  if (node.type === 'ImportExpression')
    return 'import(): pure code has all it needs when it is loaded';
  if (node.type !== 'Identifier' || isOnlyAName({ node, parents })) return undefined;
  if (randomSources.test(node.name)) return `${node.name}: randomness comes in as an argument`;
  if (impureGlobals.has(node.name))
    return `${node.name}: time, waiting and the process come in as arguments`;
  return undefined;
};

/** True for `x` in `a.x` and `{ x: 1 }`, where no binding is looked up; `Math.random` is looked at all the same. */
const isOnlyAName = ({ node, parents }: Visit) => {
  const parent = parents.at(-1);
  if (parent?.type === 'MemberExpression' && parent.property === node && !parent.computed) {
    return parent.object.type !== 'Identifier' || !['Math', 'crypto'].includes(parent.object.name);
  }
  const keyed = parent?.type === 'Property' || parent?.type === 'TSPropertySignature';
  return (
    keyed && parent.key === node && !parent.computed && !('shorthand' in parent && parent.shorthand)
  );
};
