import type { RoomEvent } from '@candor/federation';
import { serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import { placeOutOfBand } from '../rooms/remote/out-of-band.ts';
import type { Reception } from '../rooms/remote/place-received.ts';
import { serversOfMembership } from '../rooms/remote/try-servers.ts';
import { readMembership } from '../storage/memberships.ts';

/**
 * Of a room that this server is not in, it hears when an invitation or a knock of one of its users comes to an end.
 * Nobody here knows who has the power to say so. Believed are servers that were seen to be in the room: the inviter's,
 * the one that took the knock, those of the state that came with it; whether they say it or pass it on.
 */
export const receiveUninvited = async (
  context: Context,
  { origin, roomId }: { readonly origin: string; readonly roomId: string },
  event: RoomEvent,
): Promise<Reception> => {
  const { config, db, rooms } = context;
  const { type, stateKey, sender, content } = event;
  const refused: Reception = {
    kind: 'refused',
    reason: 'this server is not in the room',
    isMissing: false,
  };
  if (type !== 'm.room.member' || stateKey === undefined) return refused;
  if (serverNameOf(stateKey) !== config.serverName) return refused;
  if (content['membership'] !== 'leave' && content['membership'] !== 'ban') return refused;
  const ended = await rooms.write(roomId, async (known) => {
    const present = await readMembership(db, known.roomNid, stateKey);
    if (present?.membership !== 'invite' && present?.membership !== 'knock') return undefined;
    const residents = serversOfMembership(present);
    const isBelieved = residents.includes(origin) || residents.includes(serverNameOf(sender));
    return isBelieved ? placeOutOfBand(context, known, event) : undefined;
  });
  if (!ended) return refused;
  await ended.written;
  return { kind: 'accepted' };
};
