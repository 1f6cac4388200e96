import { lastDeparture } from '../rooms/last-departure.ts';
import type { RoomOfUser } from '../storage/rooms-of-user.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import type { RoomChanges } from './gather-changes.ts';
import { writeRoomPart } from './room-part.ts';
import type { StateWanted } from './room-state.ts';
import type { SyncScope } from './sync-scope.ts';

const nothing = '{"timeline":{"events":[],"limited":false},"state":{"events":[]}}';

/**
 * The events up to the one that ended the membership, where memory has them. That one has no place in the room when the
 * server was not in it any more, and then it is all there is.
 */
const eventsUntil = async (
  { context }: SyncScope,
  eventId: string,
  changes: RoomChanges | undefined,
): Promise<readonly string[] | undefined> => {
  const stored = await context.rooms.events.loadOne(eventId);
  if (stored?.position === null) return [eventId];
  const index = changes?.eventIds.indexOf(eventId) ?? -1;
  return index < 0 ? undefined : changes?.eventIds.slice(0, index + 1);
};

/** Who was not in the room since `from` sees the own membership and nothing of the state. */
const stateUntil = (
  departedAt: StreamPosition,
  { from }: SyncScope,
  isFull: boolean,
  changes: RoomChanges | undefined,
): StateWanted => {
  if (isFull) return { kind: 'all' };
  if (departedAt <= from) return { kind: 'moves', moves: [] };
  if (!changes?.moves) return { kind: 'after' };
  return { kind: 'moves', moves: changes.moves.filter(({ position }) => position <= departedAt) };
};

/**
 * The part of an answer about a room that the user has left, was removed or banned from, or whose invite has ended:
 * everything up to there. `before` is what the user was when the client last heard of the room.
 */
export const writeLeftRoom = async (
  scope: SyncScope,
  row: RoomOfUser,
  before: string,
  changes: RoomChanges | undefined,
): Promise<string> => {
  const { context, request } = scope;
  const room = await context.rooms.get(row.roomId);
  if (!room) return nothing;
  const departure = await lastDeparture(context, room, request.userId);
  const departedAt = departure?.position ?? 0;
  const isFull = departedAt > scope.from && (before !== 'join' || request.fullState);
  const { text } = await writeRoomPart(
    { ...scope, upTo: Math.min(scope.upTo, departedAt) },
    {
      range: {
        room,
        from: isFull ? 0 : scope.from,
        upTo: Math.min(scope.upTo, row.position),
        eventIds: isFull ? undefined : await eventsUntil(scope, row.eventId, changes),
      },
      state: stateUntil(departedAt, scope, isFull, changes),
      isFull: false,
      breaksTimeline: false,
    },
  );
  return `{${text}}`;
};
