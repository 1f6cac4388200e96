import type { Entry } from './join-room.ts';
import { knockRemote } from './remote/knock-remote.ts';
import type { RemoteContext } from './remote/remote-context.ts';
import type { SentEvent } from './send-in-room.ts';
import { sendMembership } from './send-membership.ts';

/** Asks to be let into a room. Throws M_FORBIDDEN, and what `knockRemote` throws. */
// https://spec.matrix.org/v1.19/client-server-api/#knocking-on-rooms
export const knockRoom = async (context: RemoteContext, entry: Entry): Promise<SentEvent> => {
  const known = await context.rooms.get(entry.roomId);
  if (!known?.isResident) return knockRemote(context, entry);
  return sendMembership(context, { ...entry, target: entry.sender }, 'knock');
};
