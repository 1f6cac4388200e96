import type { Context } from '../context.ts';
import { type VisibleEvent, visibleEvents } from '../rooms/history-visibility.ts';
import { isUnjudged } from '../rooms/remote/unjudged.ts';
import type { Room } from '../rooms/room.ts';
import { visibilityIn } from '../rooms/visibility-in.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

/** What the state before an event says of the history; the same for every reader. */
const visibilities = new WeakMap<StoredEvent, string>();

const readVisibilities = async (
  { rooms }: Pick<Context, 'rooms'>,
  events: readonly StoredEvent[],
): Promise<void> => {
  const missing = events.filter((stored) => !visibilities.has(stored));
  if (missing.length === 0) return;
  const keyNid = await rooms.stateKeys.internOne('m.room.history_visibility', '');
  const states = await rooms.snapshots.look(
    missing.flatMap((stored) => stored.snapshotNid ?? []),
    [keyNid],
  );
  const nids = new Set([...states.values()].flatMap((entries) => [...entries.values()]));
  const loaded = await rooms.events.loadByNid(nids);
  for (const stored of missing) {
    const { snapshotNid } = stored;
    const nid = snapshotNid === null ? undefined : states.get(snapshotNid)?.get(keyNid);
    visibilities.set(stored, visibilityIn(loaded, nid));
  }
};

const isShownToMembers = (stored: StoredEvent): boolean => {
  const visibility = visibilities.get(stored);
  return (
    visibility !== 'joined' &&
    visibility !== 'invited' &&
    stored.event.redacts === undefined &&
    !stored.isOutlier &&
    !stored.isSoftFailed &&
    stored.rejectedFor === null
  );
};

/** What becomes of oneself is no secret: the end of an invite, say, is not part of any history that may be seen. */
const isOwnMembership = (stored: StoredEvent, userId: string) =>
  stored.event.type === 'm.room.member' &&
  stored.event.stateKey === userId &&
  (!stored.isSoftFailed || isUnjudged(stored)) &&
  stored.rejectedFor === null;

const membershipIn = ({ event }: StoredEvent): string => {
  const { membership } = event.content;
  return typeof membership === 'string' ? membership : 'leave';
};

/**
 * Those of the events that the user may see. Somebody who has been joined since before all of them needs no look at
 * the state of each, unless the history is for members only, where a fork may have no place for the user.
 */
export const seeEvents = async (
  context: Pick<Context, 'config' | 'db' | 'rooms'>,
  room: Room,
  userId: string,
  events: readonly StoredEvent[],
  joinedSince: StreamPosition | undefined,
): Promise<readonly VisibleEvent[]> => {
  if (joinedSince !== undefined) {
    await readVisibilities(context, events);
    const isPlain = (stored: StoredEvent) =>
      (stored.position ?? 0) > joinedSince && isShownToMembers(stored);
    if (events.every(isPlain)) return events.map((stored) => ({ stored, membership: 'join' }));
  }
  const visible = new Map(
    (await visibleEvents(context, room, userId, events)).map((one) => [
      one.stored.event.eventId,
      one,
    ]),
  );
  return events.flatMap((stored) => {
    const seen = visible.get(stored.event.eventId);
    if (seen) return [seen];
    return isOwnMembership(stored, userId) ? [{ stored, membership: membershipIn(stored) }] : [];
  });
};
