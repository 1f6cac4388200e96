import type { RoomEvent } from '@candor/federation';
import { serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import { placeOutOfBand } from '../rooms/remote/out-of-band.ts';
import type { Reception } from '../rooms/remote/place-received.ts';
import { readMembership } from '../storage/memberships.ts';

/**
 * Of a room that this server is not in, it hears when an invitation or a knock of one of its users comes to an end.
 * Only who could have sent the invitation, or is of the same server, is believed.
 */
export const receiveUninvited = async (
  context: Context,
  roomId: string,
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
    const isWaiting = present?.membership === 'invite' || present?.membership === 'knock';
    const isFromThere =
      present?.membership === 'knock' ||
      serverNameOf(sender) === serverNameOf(present?.sender ?? '');
    return isWaiting && isFromThere ? placeOutOfBand(context, known, event) : undefined;
  });
  if (!ended) return refused;
  await ended.written;
  return { kind: 'accepted' };
};
