import type { Db } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

export type AccountDatum = {
  /** Absent for what belongs to the account as a whole. */
  readonly roomId?: string;
  readonly type: string;
  /** JSON. */
  readonly content: string;
};

/** Account data of a user that changed after one stream position and up to another, in the order of change. */
export const readAccountDataBetween = async (
  { sql }: Db,
  userId: string,
  after: StreamPosition,
  upTo: StreamPosition,
): Promise<readonly AccountDatum[]> => {
  const rows = await sql
    .selectFrom('account_data')
    .select(['room_id', 'type', 'content'])
    .where('user_id', '=', userId)
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .orderBy('position')
    .execute();
  return rows.map(({ room_id, type, content }) => ({
    type,
    content,
    ...(room_id !== '' && { roomId: room_id }),
  }));
};
