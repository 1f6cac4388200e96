import type { Verdict } from '../events/room-event.ts';

export const allowed: Verdict = { allowed: true };

/** `rule` is the number in the room version's list, such as `4.3.2`. */
export const refused = (rule: string | number, reason: string): Verdict => ({
  allowed: false,
  rule: String(rule),
  reason,
});
