import { stateKeyOf } from '@candor/federation';
import { sql } from 'kysely';
import type { Db, Tx } from './database.ts';
import { readJson } from './spoiled-rows.ts';

/** Puts a room into the public room list of this server, or takes it out. */
export const setPublished = async (tx: Tx, roomId: string, isPublished: boolean): Promise<void> => {
  await tx.sql
    .updateTable('rooms')
    .set({ is_published: isPublished })
    .where('room_id', '=', roomId)
    .execute();
};

/** Whether a room is in the public room list; undefined for a room this server has never heard of. */
export const readPublished = async (db: Db, roomId: string): Promise<boolean | undefined> => {
  const row = await db.sql
    .selectFrom('rooms')
    .select('is_published')
    .where('room_id', '=', roomId)
    .executeTakeFirst();
  return row?.is_published;
};

/** Puts one room into another's place in the public room list, if that is there. */
export const movePublished = async (
  tx: Tx,
  fromRoomId: string,
  toRoomId: string,
): Promise<void> => {
  const { numUpdatedRows } = await tx.sql
    .updateTable('rooms')
    .set({ is_published: false })
    .where('room_id', '=', fromRoomId)
    .where('is_published', '=', true)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await setPublished(tx, toRoomId, true);
};

/** The rooms in the public room list. */
export const readPublishedRooms = async (db: Db): Promise<readonly string[]> => {
  const rows = await db.sql
    .selectFrom('rooms')
    .select('room_id')
    .where('is_published', '=', true)
    .orderBy('room_nid')
    .execute();
  return rows.map((row) => row.room_id);
};

/** What describes a room: its size, and the content of some of its state by event type. */
export type RoomDescription = {
  readonly roomId: string;
  readonly version: string;
  readonly joinedMembers: number;
  readonly content: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
};

const describingTypes = [
  'm.room.create',
  'm.room.name',
  'm.room.topic',
  'm.room.avatar',
  'm.room.canonical_alias',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.encryption',
];

type Row = {
  readonly room_id: string;
  readonly version: string;
  readonly joined: number;
  /** Events of describing types; null where the server knows no state. */
  readonly events: readonly string[] | null;
};

const describe = (row: Row): RoomDescription => {
  const events = (row.events ?? []).flatMap((json) => {
    const event = readJson(json, { table: 'events', row: `the state of ${row.room_id}` });
    return event === undefined ? [] : [event as { type: string; content: Record<string, unknown> }];
  });
  return {
    roomId: row.room_id,
    version: row.version,
    joinedMembers: row.joined,
    content: new Map(events.map(({ type, content }) => [type, content])),
  };
};

/** Describes rooms without taking them into memory; in no order, rooms that are not known left out. */
export const describeRooms = async (
  db: Db,
  roomIds: readonly string[],
): Promise<readonly RoomDescription[]> => {
  const keys = describingTypes.map((type) => stateKeyOf(type, ''));
  const { rows } = await sql<Row>`
    SELECT r.room_id, r.version,
      (SELECT count(*)::int FROM memberships m
        WHERE m.room_nid = r.room_nid AND m.membership = 'join') AS joined,
      (SELECT array_agg(e.json) FROM current_state c
        JOIN state_keys k ON k.key_nid = c.key_nid
        JOIN events e ON e.event_nid = c.event_nid
        WHERE c.room_nid = r.room_nid AND k.key = any(${keys}::text[])) AS events
    FROM rooms r WHERE r.room_id = any(${roomIds}::text[])`.execute(db.sql);
  return rows.map(describe);
};
