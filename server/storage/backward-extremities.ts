import { sql as raw } from 'kysely';
import type { Db } from './database.ts';
import type { TimelinePlace } from './timeline.ts';

export type MissingEvent = {
  readonly eventId: string;
  /** An event that names it. */
  readonly childEventId: string;
  readonly childPlace: TimelinePlace;
};

/** Whether stored events of the room name this one, which is not there yet, as a predecessor. */
export const isNamedMissing = async (
  { sql }: Db,
  roomNid: number,
  eventId: string,
): Promise<boolean> => {
  const row = await sql
    .selectFrom('backward_extremities')
    .select('event_id')
    .where('room_nid', '=', roomNid)
    .where('event_id', '=', eventId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
};

type Row = {
  readonly event_id: string;
  readonly child_event_id: string;
  readonly depth: number;
  readonly position: number;
};

/** Predecessors that a room lacks of its events between two depths, those of the deepest first. */
export const readMissing = async (
  { sql }: Db,
  roomNid: number,
  depths: { readonly from: number; readonly to: number },
  limit: number,
): Promise<MissingEvent[]> => {
  const { rows } = await raw<Row>`
    SELECT b.event_id, b.child_event_id, c.depth, coalesce(c.position, 0) AS position
    FROM backward_extremities b JOIN events c ON c.event_id = b.child_event_id
    WHERE b.room_nid = ${roomNid} AND NOT c.is_outlier
      AND c.depth BETWEEN ${depths.from} AND ${depths.to}
    ORDER BY c.depth DESC, b.event_id LIMIT ${limit}`.execute(sql);
  return rows.map(({ depth, position, ...row }) => ({
    eventId: row.event_id,
    childEventId: row.child_event_id,
    childPlace: { depth, position },
  }));
};
