import type { Context } from '../context.ts';
import { describeRooms } from '../storage/room-directory.ts';
import type { Room } from './room.ts';
import { type RoomSummary, summarise } from './room-summary.ts';
import { type SpaceChild, spaceChildren } from './space-children.ts';

export type DescribedRoom = {
  readonly summary: RoomSummary;
  /** Where it is a space: the rooms in it. */
  readonly children: readonly SpaceChild[];
};

/** Describes a room that this server is in. */
export const describeRoom = async (
  context: Pick<Context, 'db' | 'rooms'>,
  room: Room,
): Promise<DescribedRoom | undefined> => {
  const [description] = await describeRooms(context.db, [room.roomId]);
  if (!description) return undefined;
  const summary = summarise(description);
  const isSpace = summary.room_type === 'm.space';
  return { summary, children: isSpace ? await spaceChildren(context, room) : [] };
};
