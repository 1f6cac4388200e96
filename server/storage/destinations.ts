import type { JsonObject } from '@candor/federation';
import type { Backoff, DestinationStore, PendingPdu } from '@candor/federation/transport';
import { sql as raw } from 'kysely';
import type { Db } from './database.ts';

const toPdus = (
  rows: readonly { readonly event_nid: number; readonly json: string }[],
): PendingPdu[] =>
  rows.map(({ event_nid, json }) => ({
    position: event_nid,
    pdu: JSON.parse(json) as JsonObject,
  }));

/** Forgets what was sent: in each room everything up to the event at the position. */
const confirm = async (
  { sql }: Db,
  destination: string,
  positions: readonly number[],
  eduIds: readonly number[],
): Promise<void> => {
  await sql.transaction().execute(async (tx) => {
    if (positions.length > 0) {
      await raw`
        DELETE FROM outbound_pdus o USING events e, events sent
        WHERE o.destination = ${destination} AND sent.event_nid = ANY(${positions})
          AND e.event_nid = o.event_nid AND e.room_nid = sent.room_nid
          AND o.event_nid <= sent.event_nid`.execute(tx);
    }
    if (eduIds.length === 0) return;
    await tx
      .deleteFrom('outbound_edus')
      .where('destination', '=', destination)
      .where('edu_nid', '=', raw<number>`ANY(${eduIds})`)
      .execute();
  });
};

const saveBackoff = async (
  { sql }: Db,
  destination: string,
  backoff: Backoff | undefined,
): Promise<void> => {
  if (!backoff) {
    await sql.deleteFrom('destinations').where('destination', '=', destination).execute();
    return;
  }
  const row = {
    failures: backoff.failures,
    retry_at: backoff.retryAt,
    failing_since: backoff.failingSince,
  };
  await sql
    .insertInto('destinations')
    .values({ destination, ...row })
    .onConflict((conflict) => conflict.column('destination').doUpdateSet(row))
    .execute();
};

/** Forgets everything that waits for a server we no longer deal with. */
export const discardOutbox = async ({ sql }: Db, destination: string): Promise<void> => {
  for (const table of ['outbound_pdus', 'outbound_edus', 'destinations'] as const)
    await sql.deleteFrom(table).where('destination', '=', destination).execute();
};

/** What waits for other servers. Rows are queued with the events and EDUs they are for, and go once confirmed. */
export const createDestinationStore = (db: Db): DestinationStore => ({
  pendingPdus: async (destination, limit) =>
    toPdus(
      await db.sql
        .selectFrom('outbound_pdus as o')
        .innerJoin('events as e', 'e.event_nid', 'o.event_nid')
        .select(['o.event_nid', 'e.json'])
        .where('o.destination', '=', destination)
        .orderBy('o.event_nid')
        .limit(limit)
        .execute(),
    ),

  latestPdus: async (destination, limit) => {
    const { rows } = await raw<{ event_nid: number; json: string }>`
      SELECT event_nid, json FROM (
        SELECT DISTINCT ON (e.room_nid) o.event_nid, e.json
        FROM outbound_pdus o JOIN events e ON e.event_nid = o.event_nid
        WHERE o.destination = ${destination}
        ORDER BY e.room_nid, o.event_nid DESC
      ) AS latest ORDER BY event_nid LIMIT ${limit}`.execute(db.sql);
    return toPdus(rows);
  },

  pendingEdus: async (destination, limit) => {
    const rows = await db.sql
      .selectFrom('outbound_edus')
      .select(['edu_nid', 'edu'])
      .where('destination', '=', destination)
      .orderBy('edu_nid')
      .limit(limit)
      .execute();
    return rows.map(({ edu_nid, edu }) => ({
      eduId: edu_nid,
      edu: JSON.parse(edu) as JsonObject,
    }));
  },

  confirmed: (destination, positions, eduIds) => confirm(db, destination, positions, eduIds),

  backoff: async (destination) => {
    const row = await db.sql
      .selectFrom('destinations')
      .select(['failures', 'retry_at', 'failing_since'])
      .where('destination', '=', destination)
      .executeTakeFirst();
    return (
      row && {
        failures: row.failures,
        retryAt: row.retry_at,
        failingSince: row.failing_since,
      }
    );
  },

  saveBackoff: (destination, backoff) => saveBackoff(db, destination, backoff),

  destinationsWithWork: async () => {
    const rows = await db.sql
      .selectFrom('outbound_pdus')
      .select('destination')
      .union(db.sql.selectFrom('outbound_edus').select('destination'))
      .execute();
    return rows.map(({ destination }) => destination);
  },
});
