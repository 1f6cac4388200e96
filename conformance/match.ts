/** A value, a pattern for a text, a test of one's own, or an object or array of such; objects may have more fields. */
export type Expected =
  | string
  | number
  | boolean
  | null
  | undefined
  | RegExp
  | ((actual: never) => boolean)
  | readonly Expected[]
  | { readonly [key: string]: Expected };

const show = (value: unknown): string => {
  const text = value instanceof RegExp ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;

/** What is wrong with `actual`, in words that name the place; undefined when it is as expected. */
export const match = (actual: unknown, expected: Expected, at = 'it'): string | undefined => {
  if (typeof expected === 'function')
    return expected(actual as never) ? undefined : `${at} is ${show(actual)}`;
  if (expected instanceof RegExp)
    return typeof actual === 'string' && expected.test(actual)
      ? undefined
      : `${at} is ${show(actual)}, not like ${expected}`;
  if (typeof expected !== 'object' || expected === null)
    return Object.is(actual, expected)
      ? undefined
      : `${at} is ${show(actual)}, not ${show(expected)}`;
  if (Array.isArray(expected) && (!Array.isArray(actual) || actual.length !== expected.length))
    return `${at} is ${show(actual)}, not ${show(expected)}`;
  if (typeof actual !== 'object' || actual === null)
    return `${at} is ${show(actual)}, not ${show(expected)}`;
  for (const [key, value] of Object.entries(expected)) {
    const fault = match(fieldOf(actual, key), value, `${at}.${key}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
};
