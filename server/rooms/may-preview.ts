import type { Context } from '../context.ts';
import { readMembership } from '../storage/memberships.ts';
import { allowedRooms } from './authorise-join.ts';
import { isWorldReadable } from './history-visibility.ts';
import type { Room } from './room.ts';

/** Who looks at a room from outside: a user of ours, another server for its users, or nobody we know. */
export type Visitor = { readonly userId: string } | { readonly serverName: string } | undefined;

/** Whether a join rule lets anybody come, or ask to. */
export const isOpenJoinRule = (joinRule: string | undefined): boolean =>
  joinRule === 'public' || joinRule === 'knock' || joinRule === 'knock_restricted';

const isInside = (room: Room, visitor: Visitor): boolean => {
  if (!visitor) return false;
  return 'userId' in visitor
    ? room.joined.has(visitor.userId)
    : room.servers.has(visitor.serverName);
};

/** Whether a visitor may be told what a room is: who is in it, was asked in, or could come in, or look in. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
export const mayPreview = async (
  { db, rooms }: Pick<Context, 'db' | 'rooms'>,
  room: Room,
  visitor: Visitor,
): Promise<boolean> => {
  if (isInside(room, visitor) || isWorldReadable(room) || isOpenJoinRule(room.joinRule()))
    return true;
  if (!visitor) return false;
  if (room.joinRule() === 'restricted') {
    for (const roomId of allowedRooms(room)) {
      const allowing = await rooms.get(roomId);
      if (allowing?.isResident && isInside(allowing, visitor)) return true;
    }
  }
  if (!('userId' in visitor)) return false;
  return (await readMembership(db, room.roomNid, visitor.userId))?.membership === 'invite';
};
