import { limits } from '@candor/spec';

/** What canonical JSON cannot express: a float, an unsafe integer, `-0`, a lone surrogate, nesting too deep, or no JSON at all. */
export class CanonicalJsonError extends Error {
  override readonly name = 'CanonicalJsonError';
}

// Printable ASCII needs no escapes, and most strings of an event are nothing else.
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const surrogate = /[\ud800-\udfff]/;

const writeString = (text: string): string => {
  if (plainText.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new CanonicalJsonError('a string has a lone surrogate');
  return JSON.stringify(text);
};

const writeNumber = (value: number): string => {
  if (!Number.isSafeInteger(value)) throw new CanonicalJsonError(`${value} is no safe integer`);
  if (Object.is(value, -0)) throw new CanonicalJsonError('-0 is not allowed');
  return String(value);
};

// UTF-16 puts surrogates before U+E000..U+FFFF, code points put them after.
const codePointRank = (unit: number): number =>
  unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;

const byCodePoint = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = codePointRank(a.charCodeAt(i)) - codePointRank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};

const sortedKeys = (object: object): string[] => {
  const keys = Object.keys(object).sort();
  return keys.some((key) => surrogate.test(key)) ? keys.sort(byCodePoint) : keys;
};

const writeArray = (array: readonly unknown[], depthLeft: number): string => {
  let text = '[';
  for (let i = 0; i < array.length; i++) {
    if (i > 0) text += ',';
    text += write(array[i], depthLeft);
  }
  return `${text}]`;
};

const writeObject = (object: object, depthLeft: number): string => {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new CanonicalJsonError('not a plain object');
  }
  const members = object as Readonly<Record<string, unknown>>;
  let text = '{';
  for (const key of sortedKeys(members)) {
    if (text.length > 1) text += ',';
    text += `${writeString(key)}:${write(members[key], depthLeft)}`;
  }
  return `${text}}`;
};

const write = (value: unknown, depthLeft: number): string => {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depthLeft === 0) throw new CanonicalJsonError('nested too deep');
      return Array.isArray(value)
        ? writeArray(value, depthLeft - 1)
        : writeObject(value, depthLeft - 1);
    default:
      throw new CanonicalJsonError(`${typeof value} is no JSON`);
  }
};

/** The one text of a JSON value that is hashed and signed (UTF-8 once encoded), of so many nested objects and arrays; throws `CanonicalJsonError`. */
// https://spec.matrix.org/v1.19/appendices/#canonical-json
export const canonicalJson = (value: unknown, depthMax: number = limits.jsonDepthMax): string =>
  write(value, depthMax);
