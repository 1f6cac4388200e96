import type { JsonObject } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import { shareDeviceList } from '../devices/announce-devices.ts';
import { readMembership } from '../storage/memberships.ts';
import { authoriseJoin } from './authorise-join.ts';
import type { RoomContext } from './build-room-event.ts';
import { carrySettings } from './carry-settings.ts';
import { readCurrentMembership } from './current-membership.ts';
import { joinRemote } from './remote/join-remote.ts';
import type { RemoteContext } from './remote/remote-context.ts';
import { type Room, roomSettings } from './room.ts';
import type { Sending, SentEvent } from './send-in-room.ts';
import { type MembershipChange, memberContent, placeMembership } from './send-membership.ts';

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

const joinHere = async (context: RemoteContext, entry: Entry): Promise<SentEvent> => {
  const content = await memberContent(context, { ...entry, target: entry.sender }, 'join');
  const { eventId, position, written } = await context.rooms.write(entry.roomId, (room) =>
    joinLocal(context, room, { ...entry, content }),
  );
  await written;
  return { eventId, position };
};

/** An invitation can be here before the room's own copy of it, while another user of ours enters. */
const isInvitedFromElsewhere = async (
  { db }: RemoteContext,
  room: Room,
  userId: string,
): Promise<boolean> => {
  const known = await readMembership(db, room.roomNid, userId);
  return known?.membership === 'invite' && room.memberEntry(userId) === undefined;
};

/** Where nobody here may let the user in, somebody of another server in the room may. */
const joinKnown = async (context: RemoteContext, room: Room, entry: Entry): Promise<SentEvent> => {
  try {
    return await joinHere(context, entry);
  } catch (error) {
    if (!(error instanceof MatrixError) || room.servers.size === 1) throw error;
    const isElsewhere =
      error.errcode === 'M_UNABLE_TO_GRANT_JOIN' ||
      (error.errcode === 'M_FORBIDDEN' &&
        (await isInvitedFromElsewhere(context, room, entry.sender)));
    if (!isElsewhere) throw error;
    const via = [...(entry.via ?? []), ...room.servers.keys()];
    return joinRemote(context, { ...entry, via });
  }
};

const enter = async (context: RemoteContext, entry: Entry): Promise<SentEvent> => {
  const { rooms } = context;
  const { roomId } = entry;
  const known = await rooms.get(roomId);
  if (known?.isResident) return joinKnown(context, known, entry);
  // The second of two users who come at once finds the room here.
  return rooms.arrivals.run(`join ${roomId}`, async () => {
    const room = await rooms.get(roomId);
    if (room?.isResident) return joinKnown(context, room, entry);
    if (entry.isGuest) {
      throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'guests enter rooms of this server only');
    }
    return joinRemote(context, entry);
  });
};

/**
 * A user of ours enters a room, over federation when this server is not in it. Throws M_FORBIDDEN,
 * M_GUEST_ACCESS_FORBIDDEN, M_UNABLE_TO_GRANT_JOIN, M_NOT_FOUND, and what `joinRemote` throws.
 */
// https://spec.matrix.org/v1.19/client-server-api/#joining-rooms
export const joinRoom = async (context: RemoteContext, entry: Entry): Promise<SentEvent> => {
  const { db, rooms } = context;
  const { roomId, sender } = entry;
  const sent = await enter(context, entry);
  const room = await rooms.get(roomId);
  if (room && room.servers.size > 1) await shareDeviceList(db, sender, roomId);
  await carrySettings(context, roomId, sender);
  return sent;
};
