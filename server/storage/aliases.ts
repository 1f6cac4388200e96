import type { Db, Tx } from './database.ts';

export type Alias = { readonly alias: string; readonly roomId: string; readonly creator: string };

/** A room alias of this server. */
export const readAlias = async (db: Db, alias: string): Promise<Alias | undefined> => {
  const row = await db.sql
    .selectFrom('room_aliases')
    .selectAll()
    .where('alias', '=', alias)
    .executeTakeFirst();
  return row && { alias: row.alias, roomId: row.room_id, creator: row.creator };
};

/** This server's aliases of a room, sorted. */
export const readAliasesOfRoom = async (db: Db, roomId: string): Promise<readonly string[]> => {
  const rows = await db.sql
    .selectFrom('room_aliases')
    .select('alias')
    .where('room_id', '=', roomId)
    .orderBy('alias')
    .execute();
  return rows.map((row) => row.alias);
};

/** Makes an alias; false when it is taken. */
export const insertAlias = async (tx: Tx, alias: Alias, createdAt: number): Promise<boolean> => {
  const { numInsertedOrUpdatedRows = 0n } = await tx.sql
    .insertInto('room_aliases')
    .values({
      alias: alias.alias,
      room_id: alias.roomId,
      creator: alias.creator,
      created_at: createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
};

/** Removes an alias; false when there was none. */
export const deleteAlias = async (tx: Tx, alias: string): Promise<boolean> => {
  const { numDeletedRows } = await tx.sql
    .deleteFrom('room_aliases')
    .where('alias', '=', alias)
    .executeTakeFirst();
  return numDeletedRows > 0n;
};

/** Points this server's aliases of one room to another. */
export const moveAliases = async (tx: Tx, fromRoomId: string, toRoomId: string): Promise<void> => {
  await tx.sql
    .updateTable('room_aliases')
    .set({ room_id: toRoomId })
    .where('room_id', '=', fromRoomId)
    .execute();
};
