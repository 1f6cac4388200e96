import { buildEvent, type JsonObject, type RoomEvent } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import type { Membership } from '../../storage/memberships.ts';
import type { Room } from '../room.ts';
import { placeOutOfBand } from './out-of-band.ts';
import type { RemoteContext } from './remote-context.ts';
import { shakeHands, type Wish } from './shake-hands.ts';
import { serversOfMembership, serversToTry, tryServers } from './try-servers.ts';

/** A leave that no server in the room has taken: our user is out of it all the same. */
const leaveAlone = async (
  { config, federation, now, rooms }: RemoteContext,
  room: Room,
  { userId, content }: Wish,
  present: Membership,
): Promise<RoomEvent> => {
  const before = await rooms.events.loadOne(present.eventId);
  const named = before ? [present.eventId] : [];
  const depth = (before?.event.depth ?? 0) + 1;
  return buildEvent(
    {
      type: 'm.room.member',
      stateKey: userId,
      sender: userId,
      content: { ...content, membership: 'leave' },
    },
    { roomId: room.roomId, prevEvents: named, authEvents: named, depth },
    room.rules,
    { serverName: config.serverName, key: federation.signingKey, originServerTs: now() },
  );
};

/** Refuses an invitation to, or withdraws a knock on, a room that this server is not in; it always succeeds here. */
// https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites
export const leaveRemote = async (
  context: RemoteContext,
  room: Room,
  leaving: { readonly sender: string; readonly reason?: string | undefined },
  present: Membership,
): Promise<void> => {
  const { sender: userId, reason } = leaving;
  const { roomId } = room;
  const content: JsonObject = reason === undefined ? {} : { reason };
  const wish = { kind: 'leave', roomId, userId, content } as const;
  const servers = serversToTry(context, roomId, serversOfMembership(present));
  let event: RoomEvent;
  try {
    ({ event } = await tryServers(servers, (server) => shakeHands(context, wish, server)));
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    context.log.info({ err: error, roomId, userId }, 'left a room whose servers do not know');
    event = await leaveAlone(context, room, wish, present);
  }
  const { written } = await context.rooms.write(roomId, (known) =>
    placeOutOfBand(context, known, event),
  );
  await written;
};
