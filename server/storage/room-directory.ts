import type { Tx } from './database.ts';

/** Puts a room into the public room list of this server, or takes it out. */
export const setPublished = async (tx: Tx, roomId: string, isPublished: boolean): Promise<void> => {
  await tx.sql
    .updateTable('rooms')
    .set({ is_published: isPublished })
    .where('room_id', '=', roomId)
    .execute();
};
