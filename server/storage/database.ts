import { CompiledQuery, Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import type { Change } from '../notifier.ts';
import { isDatabaseUnavailable } from './database-unavailable.ts';
import type { FreeSpace } from './free-space.ts';
import { migrate } from './migrate.ts';
import { NamingClient } from './named-statements.ts';
import { StreamClock, type StreamPosition, streamBlockSize } from './stream-clock.ts';
import type { Tables } from './tables.ts';

/** What reads take. A transaction is one too. */
export type Db = { readonly sql: Kysely<Tables> };

/** What writes take: a transaction, and the word about it that goes out after the commit. */
export type Tx = {
  readonly sql: Transaction<Tables>;
  /** Takes a stream position for the change; the notifier hears of it after the commit, never before. */
  tell(change: Change): StreamPosition;
};

/** The database of one process. */
export type Database = Db & {
  readonly pool: pg.Pool;
  readonly clock: StreamClock<Change>;
  /** Its disk, where that is ours to watch. */
  readonly space: Pick<FreeSpace, 'isShort'> | undefined;
  close(): Promise<void>;
};

// Positions, timestamps and integer ids stay below 2^53, so numbers hold them.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const reserveBlock = async (sql: Kysely<Tables>): Promise<StreamPosition> => {
  const { rows } = await sql.executeQuery<{ block: number }>(
    CompiledQuery.raw("SELECT nextval('stream_blocks') AS block"),
  );
  return (rows[0]?.block ?? 1) * streamBlockSize;
};

export type DatabaseOptions = {
  readonly connection: pg.PoolConfig;
  readonly connectionsMax: number;
  readonly space?: FreeSpace | undefined;
  /** Hears each committed change in the order of positions. */
  readonly publish: (position: StreamPosition, change: Change) => void;
  /** Hears of connections that broke while idle. */
  readonly onError: (error: Error) => void;
};

/** Connects, brings the schema up to date and reserves the first block of stream positions. */
export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const pool = new pg.Pool({
    ...options.connection,
    max: options.connectionsMax,
    Client: NamingClient,
    connectionTimeoutMillis: 5_000,
  });
  // The pool hears of its idle connections only; one that breaks at work must not end the process.
  pool.on('connect', (client) => client.on('error', options.onError));
  pool.on('error', () => undefined);
  const sql = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(sql);
    const start = await reserveBlock(sql);
    const clock = new StreamClock(start, () => reserveBlock(sql), options.publish);
    return { sql, pool, clock, space: options.space, close: () => sql.destroy() };
  } catch (error) {
    await sql.destroy();
    throw error;
  }
};

/** Runs `work` in one transaction; what it told is published when the commit is on disk, and not otherwise. */
export const transact = async <T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> => {
  const positions: StreamPosition[] = [];
  const tell = (change: Change): StreamPosition => {
    const position = db.clock.next(change);
    positions.push(position);
    return position;
  };
  // A commit whose answer is lost counts as done: to tell what is not there harms nobody, not to tell what is there does.
  let isWritten = false;
  try {
    return await db.sql.transaction().execute(async (sql) => {
      const result = await work({ sql, tell });
      isWritten = true;
      return result;
    });
  } catch (error) {
    isWritten &&= isDatabaseUnavailable(error);
    throw error;
  } finally {
    db.clock.settle(positions, isWritten ? 'committed' : 'abandoned');
  }
};
