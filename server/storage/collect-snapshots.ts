import { sql } from 'kysely';
import type { Tx } from './database.ts';

/**
 * Deletes a room's snapshots that no event, and no snapshot an event needs, is told from; says how many. Only while
 * nothing of the room is queued.
 */
export const collectSnapshots = async (tx: Tx, roomNid: number): Promise<number> => {
  const { numAffectedRows } = await sql`
    WITH RECURSIVE needed AS (
      SELECT snapshot_nid, parent_nid FROM state_snapshots WHERE snapshot_nid IN (
        SELECT snapshot_nid FROM events WHERE room_nid = ${roomNid}
        UNION SELECT snapshot_nid FROM rooms WHERE room_nid = ${roomNid}
      )
      UNION
      SELECT s.snapshot_nid, s.parent_nid FROM needed n
      JOIN state_snapshots s ON s.snapshot_nid = n.parent_nid
    )
    DELETE FROM state_snapshots s WHERE room_nid = ${roomNid}
      AND NOT EXISTS (SELECT FROM needed n WHERE n.snapshot_nid = s.snapshot_nid)`.execute(tx.sql);
  return Number(numAffectedRows ?? 0);
};
