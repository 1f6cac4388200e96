import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import { readJson } from './spoiled-rows.ts';

type Profile = Readonly<Record<string, unknown>>;

/** All profile fields of a local user; undefined when there is no such account, or it was closed. */
export const readProfile = async ({ sql }: Db, userId: string): Promise<Profile | undefined> => {
  const rows = await sql
    .selectFrom('users')
    .leftJoin('profile_fields', 'profile_fields.user_id', 'users.user_id')
    .select(['field', 'value'])
    .where('users.user_id', '=', userId)
    .where('deactivated_at', 'is', null)
    .orderBy('field')
    .execute();
  if (rows.length === 0) return undefined;
  return Object.fromEntries(
    rows.flatMap(({ field, value }) => {
      if (field === null || value === null) return [];
      const read = readJson(value, { table: 'profile_fields', row: `${userId} ${field}` });
      return read === undefined ? [] : [[field, read]];
    }),
  );
};

/** Sets a field, or takes it away where the value is undefined; gives the whole profile as it is then. */
export const writeProfileField = async (
  { sql }: Tx,
  userId: string,
  field: string,
  value: unknown,
): Promise<Profile> => {
  // So that two fields set at once are both in what is given back.
  await raw`SELECT FROM users WHERE user_id = ${userId} FOR NO KEY UPDATE`.execute(sql);
  if (value === undefined) {
    await sql
      .deleteFrom('profile_fields')
      .where('user_id', '=', userId)
      .where('field', '=', field)
      .execute();
  } else {
    const row = { value: JSON.stringify(value) };
    await sql
      .insertInto('profile_fields')
      .values({ user_id: userId, field, ...row })
      .onConflict((conflict) => conflict.columns(['user_id', 'field']).doUpdateSet(row))
      .execute();
  }
  return (await readProfile({ sql }, userId)) ?? {};
};
