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
const countMembers = (text: string, depthMax: number): number => {
  let depth = 0;
  let members = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === quote) i = skipString(text, i) - 1;
    else if (unit === 0x3a /* : */) members++;
    else if (unit === 0x7b /* { */ || unit === 0x5b /* [ */) {
      if (++depth > depthMax) throw new SyntaxError('JSON is nested too deep');
    } else if (unit === 0x7d /* } */ || unit === 0x5d /* ] */) depth--;
  }
  return members;
};

/** Counts the members that survived parsing; refuses text that is no Unicode. A list of its own, for the stack is not as deep as JSON may be. */
const countKept = (top: unknown, checkText: boolean): number => {
  let kept = 0;
  const left = [top];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string' && checkText && !value.isWellFormed()) {
      throw new SyntaxError('JSON has a lone surrogate');
    }
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) left.push(item);
      continue;
    }
    const keys = Object.keys(value);
    kept += keys.length;
    for (const key of keys) {
      if (checkText) left.push(key);
      left.push((value as Record<string, unknown>)[key]);
    }
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
 * duplicate keys, lone surrogates, nesting beyond `depthMax`. Floats pass: only events forbid them.
 */
export const parseJson = (text: string, depthMax: number = limits.jsonDepthMax): unknown => {
  const written = countMembers(text, depthMax);
  const value = parse(text);
  const checkText = /\\u[dD][89a-fA-F]/.test(text) || !text.isWellFormed();
  if (countKept(value, checkText) !== written) throw new SyntaxError('JSON has a duplicate key');
  return value;
};
