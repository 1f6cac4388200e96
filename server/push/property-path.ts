import { isObject } from '@candor/federation';

/** The names in a dot-separated path; a backslash before a dot or a backslash takes its meaning away. */
// https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths
export const readPropertyPath = (path: string): string[] => {
  const names: string[] = [''];
  for (let at = 0; at < path.length; at += 1) {
    const [char = '', next = ''] = [path[at], path[at + 1]];
    if (char === '.') {
      names.push('');
      continue;
    }
    const isEscape = char === '\\' && (next === '.' || next === '\\');
    names.push(`${names.pop()}${isEscape ? next : char}`);
    if (isEscape) at += 1;
  }
  return names;
};

/** What stands at a path of an object; undefined where there is nothing. */
export const propertyAt = (object: unknown, names: readonly string[]): unknown => {
  let value: unknown = object;
  for (const name of names) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
};
