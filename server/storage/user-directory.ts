import { sql as raw } from 'kysely';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';

export type FoundUser = {
  readonly userId: string;
  readonly displayName: string | undefined;
  readonly avatarUrl: string | undefined;
};

const likePattern = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

const foundUser = (userId: string, profile: unknown): FoundUser => {
  const { displayname, avatar_url: avatar } = (profile ?? {}) as Record<string, unknown>;
  return { userId, displayName: textOf(displayname), avatarUrl: textOf(avatar) };
};

const matches = (term: string, { userId, displayName }: FoundUser): boolean =>
  `${userId}\n${displayName ?? ''}`.toLowerCase().includes(term.toLowerCase());

/** Users of this server, by id or name. */
const searchLocal = async (db: Db, term: string, limit: number): Promise<FoundUser[]> => {
  const pattern = likePattern(JSON.stringify(term).slice(1, -1));
  const { rows } = await raw<{ user_id: string; profile: Record<string, string> | null }>`
    SELECT u.user_id, (SELECT json_object_agg(p.field, p.value) FROM profile_fields p
      WHERE p.user_id = u.user_id AND p.field IN ('displayname', 'avatar_url')) AS profile
    FROM users u WHERE u.deactivated_at IS NULL AND (u.user_id ILIKE ${likePattern(term)} OR EXISTS (
      SELECT FROM profile_fields p WHERE p.user_id = u.user_id AND p.field = 'displayname'
        AND p.value ILIKE ${pattern}))
    ORDER BY u.user_id LIMIT ${limit}`.execute(db.sql);
  return rows.map(({ user_id, profile }) => {
    const fields = Object.entries(profile ?? {});
    return foundUser(
      user_id,
      Object.fromEntries(
        fields.map(([field, value]) => [
          field,
          readJson(value, { table: 'profile_fields', row: `${user_id} ${field}` }),
        ]),
      ),
    );
  });
};

/**
 * Users of other servers, by id or name: those in a room with the searching user, or in one that anybody may join or
 * read. The names are those of one of these rooms.
 */
// The text of an event is searched, not its JSON: PostgreSQL refuses some JSON that others may send.
const searchRemote = async (
  db: Db,
  searcher: string,
  term: string,
  limit: number,
): Promise<FoundUser[]> => {
  const pattern = likePattern(JSON.stringify(term).slice(1, -1));
  const openKeys = ['["m.room.join_rules",""]', '["m.room.history_visibility",""]'];
  const { rows } = await raw<{ user_id: string; json: string }>`
    SELECT DISTINCT ON (m.user_id) m.user_id, e.json
    FROM memberships m JOIN events e ON e.event_id = m.event_id
    WHERE m.membership = 'join' AND NOT m.is_local
      AND (m.user_id ILIKE ${likePattern(term)} OR e.json ILIKE ${pattern})
      AND m.room_nid IN (
        SELECT room_nid FROM memberships WHERE user_id = ${searcher} AND membership = 'join'
        UNION
        SELECT c.room_nid FROM current_state c JOIN state_keys k ON k.key_nid = c.key_nid
          JOIN events s ON s.event_nid = c.event_nid
          WHERE k.key = any(${openKeys}::text[])
            AND (s.json LIKE '%"join_rule":"public"%'
              OR s.json LIKE '%"history_visibility":"world_readable"%')
      )
    ORDER BY m.user_id LIMIT ${4 * limit}`.execute(db.sql);
  return rows
    .map(({ user_id, json }) => {
      const event = readJson(json, { table: 'events', row: `the membership of ${user_id}` });
      return foundUser(user_id, (event as { content: unknown } | undefined)?.content);
    })
    .filter((user) => matches(term, user))
    .slice(0, limit);
};

/** Users that a user may know of, those of this server first. */
export const searchUsers = async (
  db: Db,
  searcher: string,
  term: string,
  limit: number,
): Promise<FoundUser[]> => {
  const local = await searchLocal(db, term, limit);
  if (local.length === limit) return local;
  return [...local, ...(await searchRemote(db, searcher, term, limit - local.length))];
};
