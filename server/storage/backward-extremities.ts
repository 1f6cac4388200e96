import { sql as raw } from 'kysely';
import type { Db } from './database.ts';

export type MissingEvent = {
  readonly eventId: string;
  /** An event that names it, and that one's depth. */
  readonly childEventId: string;
  readonly childDepth: number;
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

/** Predecessors that a room lacks; those of its deepest events up to `maxDepth` first. */
export const readMissing = async (
  { sql }: Db,
  roomNid: number,
  maxDepth: number,
  limit: number,
): Promise<MissingEvent[]> => {
  const { rows } = await raw<{ event_id: string; child_event_id: string; depth: number }>`
    SELECT DISTINCT ON (c.depth, b.event_id) b.event_id, b.child_event_id, c.depth
    FROM backward_extremities b JOIN events c ON c.event_id = b.child_event_id
    WHERE b.room_nid = ${roomNid} AND c.depth <= ${maxDepth} AND NOT c.is_outlier
    ORDER BY c.depth DESC, b.event_id LIMIT ${limit}`.execute(sql);
  return rows.map((row) => ({
    eventId: row.event_id,
    childEventId: row.child_event_id,
    childDepth: row.depth,
  }));
};
