import { posix } from 'node:path';
import type { Source } from './parse-source.ts';
import type { Violation } from './violation.ts';

/** Law 2: values never import each other in a circle, since load order would decide what is defined. Types may. */
export const noCycles = (sources: readonly Source[]): Violation[] => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const state = new Map<string, 'open' | 'done'>();
  const violations: Violation[] = [];
  const visit = (source: Source, trail: readonly string[]) => {
    state.set(source.path, 'open');
    for (const one of source.imports) {
      if (one.typeOnly || !one.specifier.startsWith('.')) continue;
      const target = byPath.get(posix.join(posix.dirname(source.path), one.specifier));
      if (!target) continue;
      const here = [...trail, source.path];
      if (state.get(target.path) === 'open') {
        const circle = [...here.slice(here.indexOf(target.path)), target.path].join(' → ');
        violations.push({
          path: source.path,
          line: one.line,
          law: 2,
          text: `a circle of imports: ${circle}`,
        });
      } else if (!state.has(target.path)) visit(target, here);
    }
    state.set(source.path, 'done');
  };
  for (const source of sources) if (!state.has(source.path)) visit(source, []);
  return violations;
};
