import { isDatabaseUnavailable } from './database-unavailable.ts';
import { DiskFull } from './free-space.ts';

/** Whether an error is nobody's fault and ends by itself: the same work succeeds when it is tried again later. */
export const isPassingTrouble = (error: unknown): boolean =>
  error instanceof DiskFull || isDatabaseUnavailable(error);
