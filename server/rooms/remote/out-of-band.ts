import type { JsonObject, RoomEvent } from '@candor/federation';
import type { PersistItem } from '../../storage/persist-item.ts';
import { commitSteps } from '../commit-steps.ts';
import type { Room } from '../room.ts';
import { keepOutliers } from './keep-outliers.ts';
import type { RemoteContext } from './remote-context.ts';

export type OutOfBand = {
  /** Stripped state that came with an invitation or a knock. */
  readonly shown?: readonly JsonObject[];
  readonly knockedThrough?: string;
};

/**
 * A local user's membership in a room that this server is not in: an invitation, a knock, the end of either. Keeps the
 * event beside the timeline; resolves when it is on disk. Only the room's writer calls it.
 */
export const placeOutOfBand = async (
  context: RemoteContext,
  room: Room,
  event: RoomEvent,
  { shown, knockedThrough }: OutOfBand = {},
): Promise<{ readonly written: Promise<void>; readonly position: number }> => {
  const { db, rooms } = context;
  const { roomId } = room;
  const { eventId, sender, stateKey: userId = '', content } = event;
  const isKnown = (await rooms.events.loadOne(eventId)) !== undefined;
  const kept = await keepOutliers(context, room, isKnown ? [] : [{ event }]);
  const position = db.clock.next({ kind: 'membership', roomId, userId, wakes: [userId] });
  const membership: NonNullable<PersistItem['memberships']>[number] = {
    roomNid: room.roomNid,
    userId,
    membership: String(content['membership']),
    eventId,
    sender,
    position,
    isLocal: true,
    strippedState: shown ? JSON.stringify(shown) : null,
    ...(knockedThrough !== undefined && { knockedThrough }),
  };
  const step = {
    ...kept,
    position,
    item: {
      ...kept.item,
      memberships: [membership],
      positions: [...kept.item.positions, position],
    },
  };
  return { written: commitSteps(context, room, [step]), position };
};
