import { clientServer, limits } from '@candor/spec';
import { backOff } from '../api/back-off.ts';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { RequestError } from '../api/request-error.ts';
import type { TableReader } from '../stores/store.ts';
import { type ClientEvent, type RoomNews, readPage } from './read-sync.ts';

/** Our own way into the room: what happened before our invitation, or our join without one, is not for us. */
const isOwnEntry = (event: ClientEvent, ownUserId: string): boolean => {
  if (event.type !== 'm.room.member' || event.state_key !== ownUserId) return false;
  const { membership } = event.content;
  return membership === 'invite' || (membership === 'join' && !event.previous?.['membership']);
};

/** A room's history that cannot be had must not hold up everything else; a server that is away can. */
const isWorthWaiting = (error: unknown): boolean =>
  !(error instanceof RequestError) ||
  ([undefined, 429, 502, 503].includes(error.status) && !error.isTimeout);

const olderPage = async (api: HomeserverApi, roomId: string, from: string, signal: AbortSignal) => {
  const query = { dir: 'b' as const, from, limit: limits.clientHistoryPageEvents };
  const pause = backOff();
  for (let tries = 1; ; tries++) {
    try {
      const parts = { params: { roomId }, query, signal };
      return readPage(await api.call(clientServer.getRoomEvents, parts));
    } catch (error) {
      if (isWorthWaiting(error)) throw error;
      const mayPass = error instanceof RequestError && error.isPassing;
      if (!mayPass || tries >= limits.clientGapTriesMax) return { events: [], end: undefined };
      await pause.wait(signal);
    }
  }
};

/**
 * The events between what is known of a room and the timeline of a sync, oldest first. They are
 * fetched so that no message is lost behind a `limited` timeline.
 */
export const fillGap = async (
  api: HomeserverApi,
  tables: TableReader,
  ownUserId: string,
  { roomId, timeline, limited, prevBatch }: RoomNews,
  signal: AbortSignal,
): Promise<ClientEvent[]> => {
  const isEdge = (event: ClientEvent): boolean =>
    tables.get('timeline', { roomId, eventId: event.event_id })?.localEcho === false ||
    isOwnEntry(event, ownUserId);
  if (!limited || timeline.some(isEdge)) return [];
  const missing: ClientEvent[] = [];
  let from = prevBatch;
  const pagesMax = limits.clientGapEventsMax / limits.clientHistoryPageEvents;
  for (let pages = 0; from !== undefined && pages < pagesMax; pages++) {
    if (missing.length >= limits.clientGapEventsMax) break;
    const page = await olderPage(api, roomId, from, signal);
    for (const event of page.events) {
      if (isEdge(event)) return missing.reverse();
      missing.push(event);
    }
    from = page.end === from ? undefined : page.end;
  }
  return missing.reverse();
};
