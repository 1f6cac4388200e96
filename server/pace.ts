import { setImmediate } from 'node:timers/promises';
import { limits } from '@candor/spec';

/** A rest to take within long work: others have their turn when it has held the event loop for a while. */
export const createPace = (): (() => Promise<void>) => {
  let startedMs = performance.now();
  return async () => {
    if (performance.now() - startedMs < limits.eventLoopHoldMsMax) return;
    await setImmediate();
    startedMs = performance.now();
  };
};
