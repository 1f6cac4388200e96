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

/**
 * Follows all ways through the pattern at once, so that the time is at most pattern times text, whatever they are.
 * `mayStart` and `mayEnd` say where a match may begin and end.
 */
const follow = (
  pattern: string,
  text: string,
  mayStart: (at: number) => boolean,
  mayEnd: (at: number) => boolean,
): boolean => {
  let reached = new Set<number>();
  const reach = (into: Set<number>, index: number): void => {
    // A star also matches nothing.
    for (let next = index; !into.has(next); next += 1) {
      into.add(next);
      if (pattern[next] !== '*') return;
    }
  };
  for (let at = 0; at <= text.length; at += 1) {
    if (mayStart(at)) reach(reached, 0);
    if (reached.has(pattern.length) && mayEnd(at)) return true;
    const after = new Set<number>();
    for (const index of reached) {
      const wanted = pattern[index];
      if (wanted === '*') reach(after, index);
      else if (wanted === '?' || (wanted !== undefined && wanted === text[at])) {
        reach(after, index + 1);
      }
    }
    reached = after;
  }
  return false;
};

const fold = (text: string): string => text.slice(0, limits.pushMatchLengthMax).toLowerCase();

/** Whether the pattern matches the whole text, in upper or lower case. */
// https://spec.matrix.org/v1.19/appendices/#glob-style-matching
export const matchesGlob = (pattern: string, text: string): boolean => {
  const [glob, folded] = [pattern.toLowerCase(), fold(text)];
  if (!/[*?]/.test(glob)) return glob === folded;
  return follow(
    glob,
    folded,
    (at) => at === 0,
    (at) => at === folded.length,
  );
};

/** Whether the pattern matches some run of whole words in the text. */
// https://spec.matrix.org/v1.19/client-server-api/#conditions-1
export const matchesWords = (pattern: string, text: string): boolean => {
  const [glob, folded] = [pattern.toLowerCase(), fold(text)];
  if (/[*?]/.test(glob)) {
    const boundary = (at: number) => isBoundary(folded, at);
    return follow(glob, folded, boundary, boundary);
  }
  for (let at = folded.indexOf(glob); at >= 0; at = folded.indexOf(glob, at + 1)) {
    if (isBoundary(folded, at) && isBoundary(folded, at + glob.length)) return true;
  }
  return false;
};
