import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';

export type UiaSession = {
  readonly sessionId: string;
  /** Hash of what the authentication is for: operation, user and parameters. */
  readonly purpose: Buffer;
  /** Stages done, in order. */
  readonly completed: readonly string[];
  readonly registrationToken: string | undefined;
};

export const insertUiaSession = async (
  { sql }: Tx,
  { sessionId, purpose }: UiaSession,
  now: number,
): Promise<void> => {
  await sql
    .insertInto('uia_sessions')
    .values({ session_id: sessionId, purpose, registration_token: null, created_at: now })
    .execute();
};

/** Forgets sessions begun before `before`, and the oldest beyond `countMax`. */
export const pruneUiaSessions = async (
  { sql }: Tx,
  before: number,
  countMax: number,
): Promise<void> => {
  await sql.deleteFrom('uia_sessions').where('created_at', '<', before).execute();
  await raw`
    DELETE FROM uia_sessions WHERE created_at <= (
      SELECT created_at FROM uia_sessions ORDER BY created_at DESC OFFSET ${countMax} LIMIT 1
    )`.execute(sql);
};

export const readUiaSession = async (
  { sql }: Db,
  sessionId: string,
  begunAfter: number,
): Promise<UiaSession | undefined> => {
  const row = await sql
    .selectFrom('uia_sessions')
    .select(['purpose', 'completed', 'registration_token'])
    .where('session_id', '=', sessionId)
    .where('created_at', '>', begunAfter)
    .executeTakeFirst();
  return (
    row && {
      sessionId,
      purpose: row.purpose,
      completed: row.completed,
      registrationToken: row.registration_token ?? undefined,
    }
  );
};

export const writeUiaProgress = async ({ sql }: Tx, session: UiaSession): Promise<void> => {
  await sql
    .updateTable('uia_sessions')
    .set({
      completed: [...session.completed],
      registration_token: session.registrationToken ?? null,
    })
    .where('session_id', '=', session.sessionId)
    .execute();
};

/** False when it is gone already: a session serves one call. */
export const endUiaSession = async ({ sql }: Tx, sessionId: string): Promise<boolean> => {
  const { numDeletedRows } = await sql
    .deleteFrom('uia_sessions')
    .where('session_id', '=', sessionId)
    .executeTakeFirst();
  return numDeletedRows === 1n;
};
