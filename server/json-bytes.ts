import type { Json } from '@candor/federation';

const objectBytes = 56;
const memberBytes = 24;

/** What a JSON value costs in memory, roughly: its texts, and so much for each object, list and member. */
export const jsonBytes = (value: Json): number => {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let bytes = objectBytes;
  if (Array.isArray(value)) {
    for (const item of value) bytes += memberBytes + jsonBytes(item);
    return bytes;
  }
  // Names are mostly the same from event to event, and kept once; those that a sender makes up are not.
  for (const [name, member] of Object.entries(value)) {
    bytes += memberBytes + name.length + jsonBytes(member);
  }
  return bytes;
};
