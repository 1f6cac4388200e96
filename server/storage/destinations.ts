import type { JsonObject } from '@candor/federation';
import type { Backoff, DestinationStore, PendingPdu } from '@candor/federation/transport';
import { sql as raw } from 'kysely';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';

type PduRow = { readonly event_nid: number; readonly json: string };

/** What can be read. The rest leaves the queue, which it would hold up. */
const readPdus = async (
  { sql }: Db,
  destination: string,
  read: () => Promise<readonly PduRow[]>,
): Promise<PendingPdu[]> => {
  for (;;) {
    const rows = await read();
    const pdus = rows.flatMap(({ event_nid: position, json }) => {
      const pdu = readJson(json, { table: 'events', row: `${position}` });
      return pdu === undefined ? [] : [{ position, pdu: pdu as JsonObject }];
    });
    if (pdus.length === rows.length) return pdus;
    const readable = new Set(pdus.map(({ position }) => position));
    const spoiled = rows.map((row) => row.event_nid).filter((nid) => !readable.has(nid));
    await sql
      .deleteFrom('outbound_pdus')
      .where('destination', '=', destination)
      .where('event_nid', '=', raw<number>`ANY(${spoiled}::bigint[])`)
      .execute();
  }
};

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

const forgetSuperseded = async ({ sql }: Db, destination: string): Promise<void> => {
  // A row that is queued meanwhile is seen by neither part.
  await raw`
    DELETE FROM outbound_pdus WHERE destination = ${destination} AND event_nid NOT IN (
      SELECT max(o.event_nid) FROM outbound_pdus o JOIN events e ON e.event_nid = o.event_nid
      WHERE o.destination = ${destination} GROUP BY e.room_nid
    )`.execute(sql);
};

const forgetEdus = async ({ sql }: Db, destination: string): Promise<void> => {
  await raw`
    DELETE FROM outbound_edus WHERE destination = ${destination}
      AND edu !~ '^\\{"edu_type":"m\\.(device_list|signing_key)_update"'`.execute(sql);
};

const destinationsWithWork = async ({ sql }: Db): Promise<string[]> => {
  const rows = await sql
    .selectFrom('outbound_pdus')
    .select('destination')
    .union(sql.selectFrom('outbound_edus').select('destination'))
    .execute();
  return rows.map(({ destination }) => destination);
};

/** What waits for other servers. Rows are queued with the events and EDUs they are for, and go once confirmed. */
export const createDestinationStore = (db: Db): DestinationStore => ({
  pendingPdus: (destination, limit) =>
    readPdus(db, destination, () =>
      db.sql
        .selectFrom('outbound_pdus as o')
        .innerJoin('events as e', 'e.event_nid', 'o.event_nid')
        .select(['o.event_nid', 'e.json'])
        .where('o.destination', '=', destination)
        .orderBy('o.event_nid')
        .limit(limit)
        .execute(),
    ),

  latestPdus: (destination, limit) =>
    readPdus(db, destination, async () => {
      const { rows } = await raw<PduRow>`
        SELECT event_nid, json FROM (
          SELECT DISTINCT ON (e.room_nid) o.event_nid, e.json
          FROM outbound_pdus o JOIN events e ON e.event_nid = o.event_nid
          WHERE o.destination = ${destination}
          ORDER BY e.room_nid, o.event_nid DESC
        ) AS latest ORDER BY event_nid LIMIT ${limit}`.execute(db.sql);
      return rows;
    }),

  pendingEdus: async (destination, limit) => {
    const rows = await db.sql
      .selectFrom('outbound_edus')
      .select(['edu_nid', 'edu'])
      .where('destination', '=', destination)
      .orderBy('edu_nid')
      .limit(limit)
      .execute();
    // What cannot be read is sent as an EDU of no kind, which goes from the queue like any other.
    return rows.map(({ edu_nid: eduId, edu }) => ({
      eduId,
      edu: (readJson(edu, { table: 'outbound_edus', row: `${eduId}` }) ?? {}) as JsonObject,
    }));
  },

  confirmed: (destination, positions, eduIds) => confirm(db, destination, positions, eduIds),

  forgetSuperseded: (destination) => forgetSuperseded(db, destination),

  forgetEdus: (destination) => forgetEdus(db, destination),

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

  destinationsWithWork: () => destinationsWithWork(db),
});
