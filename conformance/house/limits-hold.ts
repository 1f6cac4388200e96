import type { Node } from 'oxc-parser';
import type { Source } from './parse-source.ts';
import type { Violation } from './violation.ts';

const limitsFile = 'spec/limits.ts';

const nameOf = (node: Node | undefined): string | undefined =>
  node?.type === 'Identifier' ? node.name : undefined;

/** The names below `limits`, with their lines; what is grouped under one name counts as one. */
const named = (source: Source) =>
  source.visits.flatMap(({ node, parents }) => {
    const depth = parents.filter(({ type }) => type === 'ObjectExpression').length;
    const name = node.type === 'Property' && depth === 1 ? nameOf(node.key) : undefined;
    return name === undefined ? [] : [{ name, line: source.lineOf(node.start) }];
  });

/** What is read of the object, as `limits.name` or `const { name } = limits`. */
const read = ({ visits }: Source): string[] =>
  visits.flatMap(({ node }) => {
    if (node.type === 'MemberExpression' && nameOf(node.object) === 'limits') {
      return nameOf(node.property) ?? [];
    }
    const isTaken =
      node.type === 'VariableDeclarator' && nameOf(node.init ?? undefined) === 'limits';
    if (!isTaken || node.id.type !== 'ObjectPattern') return [];
    return node.id.properties.flatMap((one) =>
      one.type === 'Property' ? (nameOf(one.key) ?? []) : [],
    );
  });

/** Law 7: a limit that nothing outside the tests reads is not one, and the list would lie about it. */
export const limitsHold = (sources: readonly Source[]): Violation[] => {
  const list = sources.find(({ path }) => path === limitsFile);
  if (!list) return [];
  const code = sources.filter(({ path }) => !path.endsWith('.test.ts'));
  const used = new Set(code.flatMap(read));
  return named(list).flatMap(({ name, line }) => {
    const text = `nothing keeps to '${name}': enforce it, or take it off the list`;
    return used.has(name) ? [] : [{ path: limitsFile, line, law: 7, text }];
  });
};
