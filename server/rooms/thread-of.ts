import type { Context } from '../context.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { relationOf } from './relation-of.ts';

/** How many relations are followed; the specification's recommendation. */
const hopsMax = 3;

/** The events that this one relates to, from itself up; ends with the root where the last relation makes a thread. */
const chainOf = async (
  { rooms }: Pick<Context, 'rooms'>,
  stored: StoredEvent,
): Promise<{ readonly ids: readonly string[]; readonly root: string | undefined }> => {
  const ids: string[] = [];
  let at: StoredEvent | undefined = stored;
  for (let hop = 0; at && hop <= hopsMax; hop += 1) {
    ids.push(at.event.eventId);
    const relation = relationOf(at.event);
    if (!relation) break;
    if (relation.relType === 'm.thread') return { ids, root: relation.parentEventId };
    at = await rooms.events.loadOne(relation.parentEventId);
  }
  return { ids, root: undefined };
};

/** The thread that an event is in: the id of its root, or `main`. */
export const threadOf = async (
  context: Pick<Context, 'rooms'>,
  stored: StoredEvent,
): Promise<string> => (await chainOf(context, stored)).root ?? 'main';

/** Whether a receipt for an event may be one of this thread: `main`, or the id of a thread's root. */
// https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts
export const isInThread = async (
  context: Pick<Context, 'rooms'>,
  stored: StoredEvent,
  threadId: string,
): Promise<boolean> => {
  const { ids, root } = await chainOf(context, stored);
  if (threadId === 'main') return root === undefined;
  return root === threadId || (root === undefined && ids.includes(threadId));
};
