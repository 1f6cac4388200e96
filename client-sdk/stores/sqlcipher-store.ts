import { existsSync, statSync } from 'node:fs';
import Database from '@signalapp/sqlcipher';
import { migrations } from './migrations.ts';
import { columnsOf, rowCodec, type SqlValue, sqlName } from './row-codec.ts';
import { type Encoded, type Query, type Store, StoreError, type TableWriter } from './store.ts';
import { type Row, type TableName, tables } from './tables.ts';

/** A passphrase (stretched by SQLCipher: PBKDF2-HMAC-SHA512, 256 000 rounds) or 32 raw bytes. */
export type StoreKey = string | Uint8Array;

type Values = Record<string, SqlValue>;

const keyPragma = (key: StoreKey): string => {
  if (typeof key === 'string') {
    if (key === '') throw new StoreError('wrong-key', 'the passphrase of the store is empty');
    return `key = '${key.replaceAll("'", "''")}'`;
  }
  if (key.length !== 32) throw new StoreError('wrong-key', 'a raw store key has 32 bytes');
  return `key = "x'${Buffer.from(key).toString('hex')}'"`;
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '');

/** Opens with the key and takes the file for this process; a wrong key has written nothing. */
const openDatabase = (path: string, key: StoreKey): Database => {
  const pragma = keyPragma(key);
  const db = new Database(path, { cacheStatements: true });
  try {
    db.pragma('cipher_log_level = NONE');
    db.pragma(pragma);
    db.pragma('busy_timeout = 0');
    db.pragma('locking_mode = EXCLUSIVE');
    db.prepare('SELECT count(*) FROM sqlite_master').all();
    db.pragma('journal_mode = WAL');
    // A ratchet step that was sent must not be forgotten by a power cut: its counter would be used twice.
    db.pragma('synchronous = FULL');
    db.pragma('secure_delete = ON');
    db.exec('BEGIN IMMEDIATE; COMMIT');
    return db;
  } catch (cause) {
    db.close();
    if (/locked|busy/i.test(messageOf(cause))) {
      throw new StoreError('in-use', `another process has the store open: ${path}`, { cause });
    }
    if (/not a database|malformed|encrypted/i.test(messageOf(cause))) {
      throw new StoreError('wrong-key', `the key does not open the store: ${path}`, { cause });
    }
    throw new StoreError('unreadable', `the store cannot be opened: ${path}`, { cause });
  }
};

const migrate = (db: Database, path: string): void => {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    throw new StoreError('newer-schema', `the store was written by a newer version: ${path}`);
  }
  migrations.slice(version).forEach((sql, index) => {
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${version + index + 1}`);
    })();
  });
};

const tableSql = (table: TableName) => {
  const names = columnsOf(table).map(({ name, sql }) => ({ name, sql }));
  const selected = names.map(({ name, sql }) => `${sql} AS "${name}"`).join(', ');
  return {
    select: `SELECT ${selected} FROM ${sqlName(table)}`,
    put: `INSERT OR REPLACE INTO ${sqlName(table)} (${names.map(({ sql }) => sql).join(', ')}) VALUES (${names.map(({ name }) => `$${name}`).join(', ')})`,
  };
};

const sqlOf = new Map(
  (Object.keys(tables) as TableName[]).map((table) => [table, tableSql(table)] as const),
);
const statements = (table: TableName) => sqlOf.get(table) ?? tableSql(table);

const whereSql = (values: Encoded, below: string | undefined): string => {
  const tests = Object.entries(values).map(([name, value]) =>
    value === null ? `${sqlName(name)} IS NULL` : `${sqlName(name)} = $${name}`,
  );
  if (below !== undefined) tests.push(`${sqlName(below)} < $below`);
  return tests.length === 0 ? '' : ` WHERE ${tests.join(' AND ')}`;
};

const withoutNulls = (values: Encoded): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));

const tableAccess = (db: Database): TableWriter => {
  const select = <T extends TableName>(table: T, query: Query<T>): Row<T>[] => {
    const values = rowCodec.encode(table, query.where ?? {});
    const below = query.below === undefined ? undefined : query.orderBy;
    const order = query.orderBy
      ? ` ORDER BY ${sqlName(query.orderBy)}${query.descending ? ' DESC' : ''}`
      : '';
    const limit = query.limit === undefined ? '' : ' LIMIT $limit';
    const params: Values = withoutNulls(values);
    if (below !== undefined) params['below'] = query.below ?? null;
    if (query.limit !== undefined) params['limit'] = query.limit;
    const sql = statements(table).select + whereSql(values, below) + order + limit;
    return db
      .prepare(sql)
      .all<Values>(Object.keys(params).length === 0 ? undefined : params)
      .map((row) => rowCodec.decode(table, row));
  };
  const put = (table: TableName, row: Encoded): void => {
    db.prepare(statements(table).put).run(row);
  };
  const remove = (table: TableName, values: Encoded): void => {
    const params = withoutNulls(values);
    db.prepare(`DELETE FROM ${sqlName(table)}${whereSql(values, undefined)}`).run(
      Object.keys(params).length === 0 ? undefined : params,
    );
  };
  return {
    get: (table, key) => select(table, { where: key as Partial<Row<typeof table>> })[0],
    all: (table, query = {}) => select(table, query),
    count: (table, where = {}) => {
      const values = rowCodec.encode(table, where);
      const params = withoutNulls(values);
      const sql = `SELECT count(*) FROM ${sqlName(table)}${whereSql(values, undefined)}`;
      const statement = db.prepare(sql, { pluck: true });
      return Number(statement.get(Object.keys(params).length === 0 ? undefined : params));
    },
    put: (table, row) => put(table, rowCodec.encode(table, row)),
    delete: (table, where) => remove(table, rowCodec.encode(table, where)),
    apply: (changes) => {
      for (const { table, key, row } of changes) row ? put(table, row) : remove(table, key);
    },
  };
};

/** Opens or makes the encrypted file of one account; throws `StoreError` and then has changed nothing. */
export const openSqlcipherStore = (path: string, key: StoreKey): Store => {
  if (existsSync(path) && !statSync(path).isFile()) {
    throw new StoreError('unreadable', `the store is not a file: ${path}`);
  }
  let db: Database | undefined = openDatabase(path, key);
  try {
    migrate(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  const access = tableAccess(db);
  const whenOpen = (): TableWriter => {
    if (db === undefined) throw new StoreError('closed', 'the store is closed');
    return access;
  };
  return {
    get: (table, row) => whenOpen().get(table, row),
    all: (table, query) => whenOpen().all(table, query),
    count: (table, where) => whenOpen().count(table, where),
    transaction: (fn) => {
      const tx = whenOpen();
      if (db === undefined) throw new StoreError('closed', 'the store is closed');
      return db.transaction(() => fn(tx))();
    },
    close: () => {
      db?.close();
      db = undefined;
    },
  };
};
