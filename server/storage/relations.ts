import { type RawBuilder, sql as raw } from 'kysely';
import type { Db } from './database.ts';

/** Which children of an event are meant. */
export type ChildQuery = {
  readonly parentEventId: string;
  readonly relType?: string | undefined;
  readonly eventType?: string | undefined;
  /** 1: its own children; 2: also theirs; and so on. */
  readonly levels: number;
};

/** Part of an event's text; the same text may stand deeper in it, so what is found is looked at again. */
const member = (name: string, value: string): string => `"${name}":${JSON.stringify(value)}`;

const isShown = raw`e.position IS NOT NULL AND NOT e.is_soft_failed AND e.redacted_by IS NULL`;

/** Condition on `events`: related to the parent, by way of events that are meant, too. */
export const isChild = (roomNid: number, query: ChildQuery): RawBuilder<boolean> => {
  const { parentEventId, relType, eventType, levels } = query;
  const isMeant = raw`${isShown}
    AND ${relType === undefined ? raw`true` : raw`r.rel_type = ${relType}`}
    AND ${eventType === undefined ? raw`true` : raw`strpos(e.json, ${member('type', eventType)}) > 0`}`;
  return raw<boolean>`events.event_nid IN (
    WITH RECURSIVE child (event_nid, event_id, level) AS (
      SELECT e.event_nid, e.event_id, 1
      FROM relations r JOIN events e ON e.event_nid = r.event_nid
      WHERE r.room_nid = ${roomNid} AND r.parent_event_id = ${parentEventId} AND ${isMeant}
      UNION
      SELECT e.event_nid, e.event_id, child.level + 1
      FROM child JOIN relations r ON r.room_nid = ${roomNid} AND r.parent_event_id = child.event_id
        JOIN events e ON e.event_nid = r.event_nid
      WHERE child.level < ${levels} AND ${isMeant}
    ) SELECT event_nid FROM child)`;
};

export type ChildSummary = {
  readonly parentEventId: string;
  readonly relType: string;
  readonly count: number;
  /** The newest of them, the newest first. */
  readonly newestNids: readonly number[];
  readonly oldestNid: number;
  /** Whether one of them is of the user. */
  readonly hasOwn: boolean;
};

/** Events of a room whose children are summed up, for one who looks. */
export type ParentsQuery = {
  readonly roomNid: number;
  readonly parentEventIds: readonly string[];
  readonly userId: string;
  /** Only children before this position count. */
  readonly until: number;
};

/** What there is of threads, edits and references for some events of rooms, of users who are not ignored; for each query its own. */
export const readChildSummaries = async (
  { sql }: Db,
  queries: readonly ParentsQuery[],
  newestMax: number,
): Promise<readonly (readonly ChildSummary[])[]> => {
  const asked = queries.flatMap(({ parentEventIds, ...query }, index) =>
    parentEventIds.map((parent) => ({ ...query, index, parent })),
  );
  const { rows } = await raw<{
    index: number;
    parent_event_id: string;
    rel_type: string;
    count: number;
    newest: number[];
    oldest: number;
    has_own: boolean;
  }>`
    SELECT q.index, r.parent_event_id, r.rel_type, count(*)::int AS count,
      (array_agg(e.event_nid ORDER BY e.depth DESC, e.position DESC))[1:${newestMax}] AS newest,
      (array_agg(e.event_nid ORDER BY e.depth, e.position))[1] AS oldest,
      bool_or(r.sender = q.user_id) AS has_own
    FROM unnest(
      ${asked.map(({ index }) => index)}::int[], ${asked.map(({ roomNid }) => roomNid)}::int[],
      ${asked.map(({ parent }) => parent)}::text[], ${asked.map(({ userId }) => userId)}::text[],
      ${asked.map(({ until }) => until)}::bigint[]
    ) AS q (index, room_nid, parent_event_id, user_id, until)
    JOIN relations r ON r.room_nid = q.room_nid AND r.parent_event_id = q.parent_event_id
    JOIN events e ON e.event_nid = r.event_nid
    LEFT JOIN account_data ignored ON ignored.user_id = q.user_id AND ignored.room_id = ''
      AND ignored.type = 'm.ignored_user_list'
    WHERE r.rel_type IN ('m.thread', 'm.replace', 'm.reference') AND ${isShown}
      AND e.position < q.until
      AND coalesce(strpos(ignored.content, to_json(r.sender)::text || ':'), 0) = 0
    GROUP BY q.index, r.parent_event_id, r.rel_type`.execute(sql);
  const found: ChildSummary[][] = queries.map(() => []);
  for (const row of rows) {
    found[row.index]?.push({
      parentEventId: row.parent_event_id,
      relType: row.rel_type,
      count: row.count,
      newestNids: row.newest.map(Number),
      oldestNid: row.oldest,
      hasOwn: row.has_own,
    });
  }
  return found;
};

/** The events that threads of a room begin with, the one with the newest answer first. */
export const readThreads = async (
  { sql }: Db,
  roomNid: number,
  query: {
    /** Only threads that this user has a part in. */
    readonly participant?: string | undefined;
    /** Only threads whose newest answer has a lower position. */
    readonly before?: number | undefined;
    readonly limit: number;
  },
): Promise<readonly { readonly rootEventId: string; readonly newestPosition: number }[]> => {
  const { participant, before, limit } = query;
  const own = member('sender', participant ?? '');
  // Few events have the text, and only those are parsed.
  const isOwnRoot = raw`CASE WHEN strpos(root.json, ${own}) > 0
    THEN event_sender(root.json) = ${participant} ELSE false END`;
  const { rows } = await raw<{ parent_event_id: string; newest: number }>`
    SELECT r.parent_event_id, max(e.position) AS newest
    FROM relations r JOIN events e ON e.event_nid = r.event_nid
      JOIN events root ON root.event_id = r.parent_event_id AND root.room_nid = r.room_nid
    WHERE r.room_nid = ${roomNid} AND r.rel_type = 'm.thread' AND ${isShown}
    GROUP BY r.parent_event_id
    HAVING ${before === undefined ? raw`true` : raw`max(e.position) < ${before}`}
      AND ${participant === undefined ? raw`true` : raw`bool_or(r.sender = ${participant} OR ${isOwnRoot})`}
    ORDER BY newest DESC LIMIT ${limit}`.execute(sql);
  return rows.map((row) => ({ rootEventId: row.parent_event_id, newestPosition: row.newest }));
};
