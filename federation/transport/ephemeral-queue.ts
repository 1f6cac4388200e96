import { limits } from '@candor/spec';
import type { JsonObject } from '../events/room-event.ts';

export type EphemeralQueue = {
  /** The oldest gives way when there are too many. */
  add(edu: JsonObject): void;
  /** Takes the oldest that are still worth sending. */
  take(countMax: number): JsonObject[];
  clear(): void;
};

/** Typing and presence on their way to one server: bounded, never stored, worthless after a while. */
export const createEphemeralQueue = (now: () => number): EphemeralQueue => {
  let queue: { readonly edu: JsonObject; readonly since: number }[] = [];
  return {
    add: (edu) => {
      queue.push({ edu, since: now() });
      if (queue.length > limits.transactionEdusMax) queue.shift();
    },
    take: (countMax) => {
      const freshSince = now() - limits.ephemeralEduAgeMsMax;
      const fresh = queue.filter(({ since }) => since >= freshSince);
      queue = fresh.slice(countMax);
      return fresh.slice(0, countMax).map(({ edu }) => edu);
    },
    clear: () => {
      queue = [];
    },
  };
};
