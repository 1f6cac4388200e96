import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import pg from 'pg';

export type ExportCounts = { readonly tables: number; readonly rows: number };

const connectMsMax = 5_000;
const rowsPerFetch = 1_000;

/** The tables (`r`) or sequences (`S`) of the schema. */
export const namesOf = async (client: pg.Client, kind: 'r' | 'S'): Promise<string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind = $1 ORDER BY relname`,
    [kind],
  );
  return rows.map(({ name }) => name);
};

const write = (out: Writable, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    out.write(text, (error) => (error ? reject(error) : resolve()));
  });

const exportTable = async (client: pg.Client, table: string, out: Writable): Promise<number> => {
  const prefix = `{"table":${JSON.stringify(table)},"row":`;
  const name = client.escapeIdentifier(table);
  // The database writes the JSON: binary columns come in hexadecimal, large integers in full.
  await client.query(
    `DECLARE rows_of_table CURSOR FOR SELECT row_to_json(t)::text AS row FROM ${name} t`,
  );
  let count = 0;
  for (;;) {
    const { rows } = await client.query<{ row: string }>(
      `FETCH ${rowsPerFetch} FROM rows_of_table`,
    );
    if (rows.length === 0) break;
    await write(out, rows.map(({ row }) => `${prefix}${row}}\n`).join(''));
    count += rows.length;
  }
  await client.query('CLOSE rows_of_table');
  return count;
};

/**
 * Writes every row of every table and the state of every sequence, as they are at one moment, one JSON object a line:
 * `{"table": …, "row": …}` and `{"sequence": …, "state": …}`. Rejects when nothing answers at `connection`.
 */
export const exportDatabase = async (
  connection: pg.ClientConfig,
  out: Writable,
): Promise<ExportCounts> => {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: connectMsMax });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const tables = await namesOf(client, 'r');
    let rows = 0;
    for (const table of tables) rows += await exportTable(client, table, out);
    for (const sequence of await namesOf(client, 'S')) {
      const { rows: states } = await client.query(
        `SELECT last_value, is_called FROM ${client.escapeIdentifier(sequence)}`,
      );
      await write(out, `${JSON.stringify({ sequence, state: states[0] })}\n`);
    }
    out.end();
    await finished(out);
    return { tables: tables.length, rows };
  } finally {
    await client.end().catch(() => undefined);
  }
};
