import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import { type RowName, readJson } from './spoiled-rows.ts';
import type { StreamPosition } from './stream-clock.ts';

type Content = Readonly<Record<string, unknown>>;

/** Which account data of whom; without a room what belongs to the account as a whole. */
export type AccountDataKey = {
  readonly userId: string;
  readonly roomId?: string;
  readonly type: string;
};

const rowName = (userId: string, roomId: string, type: string): RowName => ({
  table: 'account_data',
  row: `${userId} ${roomId} ${type}`,
});

export const readAccountData = async (
  { sql }: Db,
  { userId, roomId = '', type }: AccountDataKey,
): Promise<Content | undefined> => {
  const row = await sql
    .selectFrom('account_data')
    .select('content')
    .where('user_id', '=', userId)
    .where('room_id', '=', roomId)
    .where('type', '=', type)
    .executeTakeFirst();
  if (!row) return undefined;
  return readJson(row.content, rowName(userId, roomId, type)) as Content | undefined;
};

export const writeAccountData = async (
  tx: Tx,
  key: AccountDataKey,
  content: Content,
): Promise<StreamPosition> => {
  const position = tx.tell({ kind: 'accountData', ...key, wakes: [key.userId] });
  const row = { content: JSON.stringify(content), position };
  await tx.sql
    .insertInto('account_data')
    .values({ user_id: key.userId, room_id: key.roomId ?? '', type: key.type, ...row })
    .onConflict((conflict) => conflict.columns(['user_id', 'room_id', 'type']).doUpdateSet(row))
    .execute();
  return position;
};

/** Changes account data of a local user by what it was; two changes at once do not undo each other. */
export const changeAccountData = async (
  tx: Tx,
  key: AccountDataKey,
  change: (before: Content | undefined) => Content,
): Promise<void> => {
  // A row that does not exist yet cannot be locked, its user's can.
  await raw`SELECT FROM users WHERE user_id = ${key.userId} FOR NO KEY UPDATE`.execute(tx.sql);
  await writeAccountData(tx, key, change(await readAccountData(tx, key)));
};

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
  return rows.flatMap(({ room_id: roomId, type, content }) => {
    if (readJson(content, rowName(userId, roomId, type)) === undefined) return [];
    return [{ type, content, ...(roomId !== '' && { roomId }) }];
  });
};
