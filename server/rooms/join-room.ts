import type { JsonObject } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import { authoriseJoin } from './authorise-join.ts';
import type { RoomContext } from './build-room-event.ts';
import { type Room, roomSettings } from './room.ts';
import type { Sending, SentEvent } from './send-in-room.ts';
import {
  type MembershipChange,
  placeMembership,
  readCurrentMembership,
} from './send-membership.ts';

export type Entry = Omit<MembershipChange, 'target'> & {
  /** Servers that may know the room. */
  readonly via?: readonly string[];
  readonly isGuest?: boolean;
};

const joinLocal = async (context: RoomContext, room: Room, entry: Entry): Promise<Sending> => {
  const { sender } = entry;
  const present = await readCurrentMembership(context, room, sender);
  const guestAccess = room.settings.get(roomSettings.guestAccess)?.content['guest_access'];
  if (entry.isGuest && guestAccess !== 'can_join') {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'the room lets no guests in');
  }
  const isRestricted = ['restricted', 'knock_restricted'].includes(room.joinRule());
  const needsVoucher =
    isRestricted && present !== 'join' && present !== 'invite' && present !== 'ban';
  const voucher: JsonObject = needsVoucher
    ? { join_authorised_via_users_server: await authoriseJoin(context, room, sender) }
    : {};
  const content = { ...entry.content, ...voucher };
  return placeMembership(context, room, { ...entry, target: sender, content }, 'join');
};

/**
 * A user of ours enters a room, over federation when this server is not in it. Throws M_FORBIDDEN,
 * M_GUEST_ACCESS_FORBIDDEN, M_UNABLE_TO_GRANT_JOIN, M_NOT_FOUND.
 */
// https://spec.matrix.org/v1.19/client-server-api/#joining-rooms
export const joinRoom = async (context: RoomContext, entry: Entry): Promise<SentEvent> => {
  const known = await context.rooms.get(entry.roomId);
  if (!known?.isResident) {
    throw new MatrixError('M_NOT_FOUND', 'no server in the room is known');
  }
  const { eventId, position, written } = await context.rooms.write(entry.roomId, (room) =>
    joinLocal(context, room, entry),
  );
  await written;
  return { eventId, position };
};
