import { limits } from '@candor/spec';

const isWordChar = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x61 && code <= 0x7a) ||
  code === 0x5f;

/** Whether a word may begin or end between the characters before and after `at`. */
const isBoundary = (text: string, at: number): boolean =>
  at === 0 ||
  at === text.length ||
  !isWordChar(text.charCodeAt(at - 1)) ||
  !isWordChar(text.charCodeAt(at));

/** Whether the part stands there; `?` is any character. */
const standsAt = (part: string, text: string, at: number): boolean => {
  if (at < 0 || at + part.length > text.length) return false;
  for (let index = 0; index < part.length; index += 1) {
    if (part[index] !== '?' && part[index] !== text[at + index]) return false;
  }
  return true;
};

/** Where the part first stands from `from` on, in a place that `isGood`; -1 where it does not. */
const find = (
  part: string,
  text: string,
  from: number,
  isGood: (at: number) => boolean = () => true,
): number => {
  const isPlain = !part.includes('?');
  for (let at = from; at + part.length <= text.length; at += 1) {
    if (isPlain) at = text.indexOf(part, at);
    if (at < 0) return -1;
    if (isGood(at) && (isPlain || standsAt(part, text, at))) return at;
  }
  return -1;
};

/** The end of the parts, each at the first place behind the one before, as stars let them be; -1 where one is missing. */
const skip = (parts: readonly string[], text: string, from: number): number => {
  let end = from;
  for (const part of parts) {
    const at = find(part, text, end);
    if (at < 0) return -1;
    end = at + part.length;
  }
  return end;
};

const fold = (text: string): string => text.slice(0, limits.pushMatchLengthMax).toLowerCase();

/** Whether the pattern matches the whole text, in upper or lower case. The text is walked through once. */
// https://spec.matrix.org/v1.19/appendices/#glob-style-matching
export const matchesGlob = (pattern: string, text: string): boolean => {
  const folded = fold(text);
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const last = rest.pop();
  if (!standsAt(first, folded, 0)) return false;
  if (last === undefined) return first.length === folded.length;
  const end = skip(rest, folded, first.length);
  const lastAt = folded.length - last.length;
  return end >= 0 && lastAt >= end && standsAt(last, folded, lastAt);
};

/** Whether the pattern matches some run of whole words in the text, which is walked through once. */
// https://spec.matrix.org/v1.19/client-server-api/#conditions-1
export const matchesWords = (pattern: string, text: string): boolean => {
  const folded = fold(text);
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const last = rest.pop();
  const starts = (at: number) => isBoundary(folded, at);
  const ends = (part: string) => (at: number) => isBoundary(folded, at + part.length);
  if (last === undefined) {
    return find(first, folded, 0, (at) => starts(at) && ends(first)(at)) >= 0;
  }
  const start = find(first, folded, 0, starts);
  const end = start < 0 ? -1 : skip(rest, folded, start + first.length);
  return end >= 0 && find(last, folded, end, ends(last)) >= 0;
};
