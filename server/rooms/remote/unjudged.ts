import type { StoredEvent } from '../../storage/stored-event.ts';

/**
 * Kept on the word of its sender, because this server was not in the room: an invitation, a knock, the end of either.
 * No other outlier is soft-failed.
 */
export const isUnjudged = ({
  isOutlier,
  isSoftFailed,
}: Pick<StoredEvent, 'isOutlier' | 'isSoftFailed'>): boolean => isOutlier && isSoftFailed;

/** Whether the event counts in its room. An unjudged one is as if it were not here: it comes again and is judged then. */
export const isJudged = (stored: StoredEvent | undefined): stored is StoredEvent =>
  stored !== undefined && !isUnjudged(stored);
