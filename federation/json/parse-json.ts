import { limits } from '@candor/spec';

const quote = 0x22;
const backslash = 0x5c;

/** The index behind the string that opens at `start`. */
const skipString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = end;
    while (text.charCodeAt(slashes - 1) === backslash) slashes--;
    if ((end - slashes) % 2 === 0) return end + 1;
  }
  return text.length;
};

/** Counts the members written in all objects; refuses nesting before the parser meets it. */
const countMembers = (text: string): number => {
  let depth = 0;
  let members = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === quote) i = skipString(text, i) - 1;
    else if (unit === 0x3a /* : */) members++;
    else if (unit === 0x7b /* { */ || unit === 0x5b /* [ */) {
      if (++depth > limits.jsonDepthMax) throw new SyntaxError('JSON is nested too deep');
    } else if (unit === 0x7d /* } */ || unit === 0x5d /* ] */) depth--;
  }
  return members;
};

/** Counts the members that survived parsing; refuses text that is no Unicode. */
const countKept = (value: unknown, checkText: boolean): number => {
  if (typeof value === 'string' && checkText && !value.isWellFormed()) {
    throw new SyntaxError('JSON has a lone surrogate');
  }
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) {
    return value.reduce<number>((sum, item) => sum + countKept(item, checkText), 0);
  }
  const keys = Object.keys(value);
  let kept = keys.length;
  for (const key of keys) {
    if (checkText) countKept(key, true);
    kept += countKept((value as Record<string, unknown>)[key], checkText);
  }
  return kept;
};

/** The parser's own errors quote the text, and errors are logged. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError('JSON is malformed');
  }
};

/**
 * Reads JSON from the outside. Throws `SyntaxError` for what is no JSON and for what servers read differently:
 * duplicate keys, lone surrogates, nesting beyond `limits.jsonDepthMax`. Floats pass: only events forbid them.
 */
export const parseJson = (text: string): unknown => {
  const written = countMembers(text);
  const value = parse(text);
  const checkText = /\\u[dD][89a-fA-F]/.test(text) || !text.isWellFormed();
  if (countKept(value, checkText) !== written) throw new SyntaxError('JSON has a duplicate key');
  return value;
};
