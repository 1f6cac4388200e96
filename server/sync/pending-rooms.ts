import { type JsonObject, strippedState } from '@candor/federation';
import type { RoomOfUser } from '../storage/rooms-of-user.ts';
import type { SyncScope } from './sync-scope.ts';

const isOwnMember = (event: JsonObject, userId: string): boolean =>
  event['type'] === 'm.room.member' && event['state_key'] === userId;

/** The part of an answer about a room that the user is invited to or knocks on: what may be shown of it, and the own membership. */
// https://spec.matrix.org/v1.19/client-server-api/#stripped-state
export const writePendingRoom = async (
  { context, request }: SyncScope,
  row: RoomOfUser,
  name: 'invite_state' | 'knock_state',
): Promise<string> => {
  const { rooms } = context;
  const { roomNid } = row;
  const shown = await rooms.reads.strippedState({ roomNid, userId: request.userId });
  const own = await rooms.events.loadOne(row.eventId);
  const events: JsonObject[] = shown.filter((event) => !own || !isOwnMember(event, request.userId));
  if (own) events.push(strippedState(own.event));
  return JSON.stringify({ [name]: { events } });
};
