import type { PersistItem } from './persist-item.ts';
import { persistSections } from './persist-sections.ts';
import { textArray } from './text-array.ts';

const texts = new Map<string, string>();

/** One statement for the parts that have rows, so that a batch is one round trip and one commit. */
const textOf = (used: readonly (typeof persistSections)[number][]): string => {
  const name = used.map((part) => part.name).join(' ');
  const known = texts.get(name);
  if (known !== undefined) return known;
  let parameter = 0;
  const parts = used.map((part) => {
    const columns = part.types.map((type) => {
      parameter += 1;
      return `$${parameter}::${type}[]`;
    });
    return `${part.name} AS (${part.write(`unnest(${columns.join(', ')})`)})`;
  });
  const text = `WITH ${parts.join(',\n')}\nSELECT`;
  texts.set(name, text);
  return text;
};

/** The SQL and its parameters that write a batch of items. */
export const persistStatement = (
  items: readonly PersistItem[],
): { readonly text: string; readonly values: unknown[] } => {
  const used: (typeof persistSections)[number][] = [];
  const values: unknown[] = [];
  for (const part of persistSections) {
    const arrays = part.collect(items);
    if (!arrays) continue;
    used.push(part);
    for (const [index, array] of arrays.entries()) {
      const isText = part.types[index] === 'text';
      values.push(isText ? textArray(array as (string | null)[]) : array);
    }
  }
  return { text: textOf(used), values };
};
