import { isObject, type RoomEvent } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import type { Room } from '../room.ts';
import { askPeer } from './ask-peer.ts';
import { checkIncoming } from './check-incoming.ts';
import { listIn } from './fetch-events.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';

/** Whether an event has its place in the graph; outliers have none. */
export const isPlaced = async (
  { rooms }: Pick<RemoteContext, 'rooms'>,
  eventId: string,
): Promise<boolean> => (await rooms.events.loadOne(eventId))?.isOutlier === false;

/** Which of these events have no place in the room's graph here. */
export const notPlaced = async (
  { rooms }: Pick<RemoteContext, 'rooms'>,
  room: Room,
  eventIds: readonly string[],
): Promise<readonly string[]> => {
  const stored = await rooms.events.load(eventIds);
  return eventIds.filter((eventId) => {
    const one = stored.get(eventId);
    return !one || one.isOutlier || one.roomNid !== room.roomNid;
  });
};

/** The events between the room's forward extremities and a newer event, checked, oldest first; nothing when the server gives none. */
// https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
export const fetchMissingEvents = async (
  context: RemoteContext,
  { roomId, server }: RemoteSource,
  room: Room,
  latest: RoomEvent,
): Promise<readonly RoomEvent[]> => {
  try {
    const answer = await askPeer(context, {
      server,
      method: 'POST',
      path: ['v1', 'get_missing_events', roomId],
      content: {
        earliest_events: room.extremities.slice(-limits.prevEventsMax),
        latest_events: [latest.eventId],
        limit: limits.missingEventsMax,
      },
    });
    const pdus = listIn(answer, 'events').filter(isObject).slice(0, limits.missingEventsMax);
    const checked = await checkIncoming(context, pdus, room.rules, roomId);
    const events = checked.flatMap((one) => (one.ok ? [one.event] : []));
    return events
      .filter((event) => event.eventId !== latest.eventId)
      .sort((one, other) => one.depth - other.depth);
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    context.log.debug({ err: error, server, roomId }, 'missing events could not be fetched');
    return [];
  }
};
