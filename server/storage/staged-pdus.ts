import { sql as raw } from 'kysely';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';

/** What one server sends for one room. */
export type OfRoom = { readonly origin: string; readonly roomId: string };

export type StagedPdus = { readonly id: number; readonly pdus: readonly unknown[] };

/** JSON, or nothing for what is nested too deep for the stack: no room takes such an event. */
const textOf = (pdu: unknown): string[] => {
  try {
    return [JSON.stringify(pdu)];
  } catch {
    return [];
  }
};

/** Keeps PDUs as they came, behind those that wait already; gives no id when `max` wait. */
export const stagePdus = async (
  { sql }: Db,
  { origin, roomId }: OfRoom,
  pdus: readonly unknown[],
  max: number,
): Promise<number | undefined> => {
  const { rows } = await raw<{ id: number }>`
    INSERT INTO staged_pdus (origin, room_id, pdus)
    SELECT ${origin}, ${roomId}, ${`[${pdus.flatMap(textOf).join()}]`}
    WHERE (SELECT count(*) FROM staged_pdus WHERE origin = ${origin} AND room_id = ${roomId}) < ${max}
    RETURNING id`.execute(sql);
  return rows[0]?.id;
};

/** Those that have waited longest. */
export const nextStagedPdus = async (
  { sql }: Db,
  { origin, roomId }: OfRoom,
): Promise<StagedPdus | undefined> => {
  const row = await sql
    .selectFrom('staged_pdus')
    .select(['id', 'pdus'])
    .where('origin', '=', origin)
    .where('room_id', '=', roomId)
    .orderBy('id')
    .executeTakeFirst();
  if (!row) return undefined;
  const pdus = readJson(row.pdus, { table: 'staged_pdus', row: `${row.id}` });
  return { id: row.id, pdus: Array.isArray(pdus) ? pdus : [] };
};

/** They have been taken in. */
export const unstagePdus = async ({ sql }: Db, id: number): Promise<void> => {
  await sql.deleteFrom('staged_pdus').where('id', '=', id).execute();
};

/** Where something waits. */
export const readStagedRooms = async ({ sql }: Db): Promise<readonly OfRoom[]> => {
  const rows = await sql
    .selectFrom('staged_pdus')
    .select(['origin', 'room_id'])
    .distinct()
    .execute();
  return rows.map(({ origin, room_id: roomId }) => ({ origin, roomId }));
};
