import type { StoredEvent } from '../storage/stored-event.ts';

/** What a state says of the history, by the event there; where that cannot be read, the history is for members. */
export const visibilityIn = (
  loaded: ReadonlyMap<number, StoredEvent>,
  eventNid: number | undefined,
): string => {
  if (eventNid === undefined) return 'shared';
  const stored = loaded.get(eventNid);
  const visibility = stored ? stored.event.content['history_visibility'] : 'joined';
  return typeof visibility === 'string' ? visibility : 'shared';
};
