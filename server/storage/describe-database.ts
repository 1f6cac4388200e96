import pg from 'pg';

export type DatabaseDescription = {
  /** Major version, such as 15. */
  readonly major: number;
  readonly encoding: string;
  readonly mayCreateTables: boolean;
};

const connectMsMax = 5_000;

/** Connects once and says what is there; rejects when nothing answers or the login is refused. */
export const describeDatabase = async (
  connection: pg.ClientConfig,
): Promise<DatabaseDescription> => {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: connectMsMax });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string; encoding: string; may: boolean }>(
      `SELECT current_setting('server_version_num') AS version,
              current_setting('server_encoding') AS encoding,
              has_schema_privilege(current_schema(), 'CREATE') AS may`,
    );
    const [row] = rows;
    return {
      major: Math.floor(Number(row?.version) / 10_000),
      encoding: row?.encoding ?? '',
      mayCreateTables: row?.may ?? false,
    };
  } finally {
    await client.end().catch(() => undefined);
  }
};

const majorMin = 15;

/** Why the server cannot work on such a database; undefined when it can. */
export const faultOfDatabase = (database: DatabaseDescription): string | undefined => {
  const { major, encoding, mayCreateTables } = database;
  if (major < majorMin) return `PostgreSQL ${major} is too old; ${majorMin} or newer is needed`;
  if (encoding !== 'UTF8') return `its encoding is ${encoding}; make it with ENCODING 'UTF8'`;
  if (!mayCreateTables) return 'the user may not create tables in it';
  return undefined;
};
