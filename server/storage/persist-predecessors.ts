import type { PersistItem } from './persist-item.ts';
import { each, type Section, section } from './persist-section.ts';

type InRoom<Row> = Row & { readonly roomNid: number };

/** What is missing and what was found, after all items in their order. */
const predecessors = (items: readonly PersistItem[]) => {
  const missing = new Map<string, { roomNid: number; eventId: string; childEventId: string }>();
  const found = new Map<string, { roomNid: number; eventId: string }>();
  for (const { room, missing: named = [], found: here = [] } of items) {
    for (const row of named) {
      missing.set(`${row.eventId} ${row.childEventId}`, { ...row, roomNid: room.roomNid });
    }
    for (const eventId of here) found.set(eventId, { roomNid: room.roomNid, eventId });
  }
  for (const [key, row] of missing) if (found.has(row.eventId)) missing.delete(key);
  return { missing: missing.values(), found: found.values() };
};

/** What a batch writes about events that rooms lack. */
export const predecessorSections: readonly Section[] = [
  section<InRoom<NonNullable<PersistItem['missing']>[number]>>(
    'missing',
    [
      ['int', (row) => row.roomNid],
      ['text', (row) => row.eventId],
      ['text', (row) => row.childEventId],
    ],
    (items) => predecessors(items).missing,
    (rows) =>
      `INSERT INTO backward_extremities (room_nid, event_id, child_event_id)
       SELECT * FROM ${rows} ON CONFLICT DO NOTHING`,
  ),
  section<{ readonly roomNid: number; readonly eventId: string }>(
    'found',
    [
      ['int', (row) => row.roomNid],
      ['text', (row) => row.eventId],
    ],
    (items) => predecessors(items).found,
    (rows) =>
      `DELETE FROM backward_extremities b USING ${rows} AS f (room_nid, event_id)
       WHERE b.room_nid = f.room_nid AND b.event_id = f.event_id`,
  ),
  section<{ readonly roomNid: number; readonly position: number }>(
    'gaps',
    [
      ['int', (row) => row.roomNid],
      ['bigint', (row) => row.position],
    ],
    each(({ room: { roomNid }, gaps }) => gaps?.map((position) => ({ roomNid, position }))),
    (rows) => `INSERT INTO timeline_gaps (room_nid, position) SELECT * FROM ${rows}`,
  ),
];
