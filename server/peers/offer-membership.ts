import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject, RoomEvent } from '@candor/federation';
import { limits, MatrixError, serverNameOf } from '@candor/spec';
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

/** A user may answer an invitation before it is back here with their server's signature. */
const invitationsIn = async ({ rooms }: Context, roomId: string, userId: string): Promise<void> => {
  const turn = `${roomId} ${userId}`;
  if (rooms.invitations.lengthOf(turn) === 0) return;
  const arrived = rooms.invitations.run(turn, async () => undefined);
  // Their server may as well be waiting for us before it signs.
  await Promise.race([arrived, sleep(limits.invitationWaitMsMax, undefined, { ref: false })]);
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
  await invitationsIn(context, roomId, userId);
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
