import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import { readJson } from './spoiled-rows.ts';

/** A filter of a user; undefined for an unknown id. */
export const readFilter = async (
  { sql }: Db,
  userId: string,
  filterId: number,
): Promise<unknown> => {
  const row = await sql
    .selectFrom('filters')
    .select('filter')
    .where('user_id', '=', userId)
    .where('filter_id', '=', filterId)
    .executeTakeFirst();
  return row && readJson(row.filter, { table: 'filters', row: `${userId} ${filterId}` });
};

/** Stores a filter, once however often it is defined; gives its id, or undefined when the user has `countMax` already. */
export const insertFilter = async (
  { sql }: Tx,
  userId: string,
  filter: string,
  countMax: number,
): Promise<number | undefined> => {
  await raw`SELECT FROM users WHERE user_id = ${userId} FOR NO KEY UPDATE`.execute(sql);
  const ofUser = sql.selectFrom('filters').where('user_id', '=', userId);
  const known = await ofUser.select('filter_id').where('filter', '=', filter).executeTakeFirst();
  if (known) return known.filter_id;
  const last = await ofUser
    .select((select) => select.fn.max('filter_id').as('id'))
    .executeTakeFirst();
  const filterId = (last?.id ?? -1) + 1;
  if (filterId >= countMax) return undefined;
  await sql
    .insertInto('filters')
    .values({ user_id: userId, filter_id: filterId, filter })
    .execute();
  return filterId;
};
