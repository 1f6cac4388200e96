import { creatorsOf, isObject } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import type { RoomContext } from './build-room-event.ts';
import { type Room, roomSettings } from './room.ts';

/** The rooms whose members a restricted join rule lets in. */
export const allowedRooms = (room: Room): readonly string[] => {
  const allow = room.settings.get(roomSettings.joinRules)?.content['allow'];
  if (!Array.isArray(allow)) return [];
  return allow.flatMap((condition: unknown) => {
    if (!isObject(condition) || condition['type'] !== 'm.room_membership') return [];
    return typeof condition['room_id'] === 'string' ? [condition['room_id']] : [];
  });
};

/** A user of ours in the room who may invite; those named in the power levels first. */
const findInviter = (room: Room): string | undefined => {
  const { levels, localUsers, settings } = room;
  const create = settings.get(roomSettings.create);
  const users = settings.get(roomSettings.powerLevels)?.content['users'];
  const named = [
    ...(create ? creatorsOf(create, room.rules) : []),
    ...(isObject(users) ? Object.keys(users) : []),
  ];
  const mayInvite = (userId: string) => levels.ofUser(userId) >= levels.toInvite;
  const first = named.find((userId) => localUsers.has(userId) && mayInvite(userId));
  return first ?? localUsers.values().find(mayInvite);
};

/**
 * The user of ours who vouches for a join by the room's restricted join rule. Throws M_FORBIDDEN when the joining user
 * is in none of the allowed rooms, M_UNABLE_TO_GRANT_JOIN when nobody here may invite.
 */
// https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms
export const authoriseJoin = async (
  { rooms }: Pick<RoomContext, 'rooms'>,
  room: Room,
  userId: string,
): Promise<string> => {
  let isAllowed = false;
  for (const roomId of allowedRooms(room)) {
    const allowing = await rooms.get(roomId);
    if (allowing?.isResident && allowing.joined.has(userId)) isAllowed = true;
  }
  if (!isAllowed) {
    throw new MatrixError('M_FORBIDDEN', 'the user is in none of the rooms that let one in');
  }
  const inviter = findInviter(room);
  if (inviter) return inviter;
  throw new MatrixError('M_UNABLE_TO_GRANT_JOIN', 'no user of this server may invite');
};
