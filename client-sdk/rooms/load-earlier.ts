import { clientServer, limits } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import { readPage } from '../sync/read-sync.ts';
import { writeRedactions } from '../sync/write-rooms.ts';
import { roomSummary } from './room-summary.ts';

/** Stores a page of a room's history from a token backwards; false when there was nothing more. */
export const loadEarlier = async (
  api: HomeserverApi,
  engine: SignalEngine,
  roomId: string,
  from: string | null,
): Promise<boolean> => {
  if (from === null) return false;
  const query = { dir: 'b' as const, from, limit: limits.clientHistoryPageEvents };
  const page = readPage(await api.call(clientServer.getRoomEvents, { params: { roomId }, query }));
  const events = page.events.reverse();
  const next = page.end === from ? null : (page.end ?? null);
  const rooms = [{ roomId, events, backwards: true }];
  await engine.receive({ rooms }, (tx) => {
    writeRedactions(tx, roomId, events);
    const room = tx.get('rooms', { roomId });
    if (room) tx.put('rooms', roomSummary.with(room, { earlier: next }));
  });
  return events.length > 0 || next !== null;
};
