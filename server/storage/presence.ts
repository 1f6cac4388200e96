import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';
import type { StreamPosition } from './stream-clock.ts';

export type StoredPresence = {
  readonly presence: string;
  readonly statusMessage: string | undefined;
  /** Milliseconds since the epoch. */
  readonly lastActiveAt: number;
};

export const readPresence = async (
  { sql }: Db,
  userId: string,
): Promise<StoredPresence | undefined> => {
  const row = await sql
    .selectFrom('presence')
    .select(['presence', 'status_msg', 'last_active_at'])
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return (
    row && {
      presence: row.presence,
      statusMessage: row.status_msg ?? undefined,
      lastActiveAt: row.last_active_at,
    }
  );
};

export const writePresence = async (
  { sql }: Tx,
  userId: string,
  stored: StoredPresence,
  position: StreamPosition,
): Promise<void> => {
  const row = {
    presence: stored.presence,
    status_msg: stored.statusMessage ?? null,
    last_active_at: stored.lastActiveAt,
    position,
  };
  await sql
    .insertInto('presence')
    .values({ user_id: userId, ...row })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute();
};

/** Which of these users are joined to a room that the user is joined to; the user among them. */
export const readUsersSharingRoom = async (
  { sql }: Db,
  userId: string,
  userIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  const { rows } = await raw<{ user_id: string }>`
    SELECT u.user_id FROM unnest(${userIds}::text[]) AS u (user_id)
    WHERE u.user_id = ${userId} OR EXISTS (
      SELECT FROM memberships ours JOIN memberships theirs ON theirs.room_nid = ours.room_nid
      WHERE ours.user_id = ${userId} AND ours.membership = 'join'
        AND theirs.user_id = u.user_id AND theirs.membership = 'join'
    )`.execute(sql);
  return new Set(rows.map(({ user_id }) => user_id));
};
