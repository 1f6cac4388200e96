import { setImmediate } from 'node:timers/promises';
import { limits } from '@candor/spec';
import type { SyncScope } from './sync-scope.ts';

/**
 * Works at the rooms of an answer in slices. Those of one slice go side by side, so that their reads become one;
 * between slices, which wait for those of other answers, everybody else has their turn.
 */
export const inSlices = async <Item>(
  { context }: Pick<SyncScope, 'context'>,
  items: readonly Item[],
  work: (slice: readonly Item[]) => Promise<void>,
): Promise<void> => {
  const size = limits.syncRoomsPerSlice;
  if (items.length <= size) return work(items);
  for (let start = 0; start < items.length; start += size) {
    await context.sync.inTurn(() => work(items.slice(start, start + size)));
    await setImmediate();
  }
};
