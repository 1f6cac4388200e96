import type { JsonObject, RoomEvent } from '@candor/federation';
import { MatrixError, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import { authoriseJoin } from '../rooms/authorise-join.ts';
import { buildRoomEvent } from '../rooms/build-room-event.ts';
import { readCurrentMembership } from '../rooms/current-membership.ts';
import type { Room } from '../rooms/room.ts';
import { roomForServer } from './room-for-server.ts';

export type MembershipAsked = {
  readonly roomId: string;
  readonly userId: string;
  readonly membership: 'join' | 'knock' | 'leave';
  /** Room versions that the asking server speaks; undefined where it does not say. */
  readonly versions?: readonly string[] | undefined;
};

export type MembershipOffer = { readonly room_version: string; readonly event: JsonObject };

/** Restricted rooms are entered on the word of somebody inside. */
const voucher = async (context: Context, room: Room, userId: string): Promise<JsonObject> => {
  if (!['restricted', 'knock_restricted'].includes(room.joinRule())) return {};
  const present = await readCurrentMembership(context, room, userId);
  if (present === 'join' || present === 'invite' || present === 'ban') return {};
  return { join_authorised_via_users_server: await authoriseJoin(context, room, userId) };
};

/** The event without what says that it is ours: nothing of us is signed before its server is. */
const asTemplate = ({ pdu }: RoomEvent): JsonObject => {
  const { hashes: _hashes, signatures: _signatures, ...template } = pdu;
  return template;
};

/**
 * The membership event that a user of another server may complete, by the room's state now. Throws M_NOT_FOUND,
 * M_FORBIDDEN, M_INCOMPATIBLE_ROOM_VERSION, M_UNABLE_TO_AUTHORISE_JOIN, M_UNABLE_TO_GRANT_JOIN.
 */
// https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
export const offerMembership = async (
  context: Context,
  origin: string,
  { roomId, userId, membership, versions }: MembershipAsked,
): Promise<MembershipOffer> => {
  if (serverNameOf(userId) !== origin) {
    throw new MatrixError('M_FORBIDDEN', 'the user is of another server');
  }
  const { rules } = await roomForServer(context, origin, roomId);
  if (versions && !versions.includes(rules.version)) {
    throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'the server does not speak the version', {
      fields: { room_version: rules.version },
    });
  }
  return context.rooms.write(roomId, async (room) => {
    const vouched = membership === 'join' ? await voucher(context, room, userId) : {};
    const event = await buildRoomEvent(context, room, {
      type: 'm.room.member',
      stateKey: userId,
      sender: userId,
      content: { membership, ...vouched },
    });
    return { room_version: rules.version, event: asTemplate(event) };
  });
};
