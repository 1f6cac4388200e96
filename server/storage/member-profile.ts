import type { JsonObject } from '@candor/federation';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';

/** What a local user's member events say about the user: `displayname` and `avatar_url`, where set. */
export const readMemberProfile = async (db: Db, userId: string): Promise<JsonObject> => {
  const rows = await db.sql
    .selectFrom('profile_fields')
    .select(['field', 'value'])
    .where('user_id', '=', userId)
    .where('field', 'in', ['displayname', 'avatar_url'])
    .execute();
  return Object.fromEntries(
    rows.flatMap(({ field, value }) => {
      const read = readJson(value, { table: 'profile_fields', row: `${userId} ${field}` });
      return read === undefined ? [] : [[field, read as string]];
    }),
  );
};
