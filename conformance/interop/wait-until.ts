import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 20;
const waitMsMax = 100_000;

/** Asks until the answer is truthy and gives it; rejects, naming `what`, when it never is. */
export const waitUntil = async <T>(
  what: string,
  ask: () => T | Promise<T>,
): Promise<NonNullable<T>> => {
  const deadline = Date.now() + waitMsMax;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${waitMsMax} ms in vain for ${what}`);
    await sleep(pollMs);
  }
};
