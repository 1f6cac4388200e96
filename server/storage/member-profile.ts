import type { JsonObject } from '@candor/federation';
import type { Db } from './database.ts';

/** What a local user's member events say about the user: `displayname` and `avatar_url`, where set. */
export const readMemberProfile = async (db: Db, userId: string): Promise<JsonObject> => {
  const rows = await db.sql
    .selectFrom('profile_fields')
    .select(['field', 'value'])
    .where('user_id', '=', userId)
    .where('field', 'in', ['displayname', 'avatar_url'])
    .execute();
  return Object.fromEntries(rows.map((row) => [row.field, JSON.parse(row.value) as string]));
};
