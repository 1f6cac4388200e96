import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { OperatorError } from '../config/operator-error.ts';
import { namesOf } from './export-database.ts';

const rowsPerInsert = 500;
const charactersPerInsert = 4_000_000;

const rowLine = /^\{"table":"([a-z0-9_]+)","row":/;

type Batch = { readonly table: string; rows: string[]; length: number };

const insert = (client: pg.Client, { table, rows }: Batch) => {
  const name = client.escapeIdentifier(table);
  // The rows go on as text: large integers would not survive being read here.
  return client.query(
    `INSERT INTO ${name} OVERRIDING SYSTEM VALUE
     SELECT * FROM json_populate_recordset(NULL::${name}, $1::json)`,
    [`[${rows.join(',')}]`],
  );
};

/** The migrations that made the schema, as the database remembers them. */
const schemaOf = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM kysely_migration ORDER BY name',
  );
  return rows.map(({ name }) => name).join(' ');
};

const setSequence = async (client: pg.Client, line: string): Promise<void> => {
  const { sequence, state } = JSON.parse(line);
  await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [
    client.escapeIdentifier(sequence),
    state.last_value,
    state.is_called,
  ]);
};

/**
 * Puts what `exportDatabase` wrote in the place of everything that the tables hold, all or nothing. The schema has to
 * be the one that was exported, and the user a superuser, since rows come before what they refer to.
 */
export const importDatabase = async (
  connection: pg.ClientConfig,
  file: string,
): Promise<{ readonly rows: number }> => {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query("SET LOCAL session_replication_role = 'replica'");
    const schema = await schemaOf(client);
    const tables = await namesOf(client, 'r');
    await client.query(
      `TRUNCATE ${tables.map((name) => client.escapeIdentifier(name)).join(', ')}`,
    );
    let count = 0;
    let batch: Batch | undefined;
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const [prefix, table] = rowLine.exec(line) ?? [];
      const isFull =
        batch && (batch.rows.length >= rowsPerInsert || batch.length >= charactersPerInsert);
      if (batch && (isFull || batch.table !== table)) {
        await insert(client, batch);
        batch = undefined;
      }
      if (prefix === undefined || table === undefined) {
        await setSequence(client, line);
        continue;
      }
      batch ??= { table, rows: [], length: 0 };
      batch.rows.push(line.slice(prefix.length, -1));
      batch.length += line.length;
      count += 1;
    }
    if (batch) await insert(client, batch);
    if ((await schemaOf(client)) !== schema)
      throw new OperatorError(
        `${file} was written by another version of Candor: restore it with that one, then change to this`,
      );
    await client.query('COMMIT');
    return { rows: count };
  } finally {
    await client.end().catch(() => undefined);
  }
};
