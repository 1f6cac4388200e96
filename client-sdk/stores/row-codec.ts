import { type Column, type Row, type TableName, tables } from './tables.ts';

export type SqlValue = string | number | Uint8Array<ArrayBuffer> | null;

const encodeValue = (column: Column, value: unknown): SqlValue => {
  if (value === null || value === undefined) return null;
  if (column.kind === 'json') return JSON.stringify(value);
  if (column.kind === 'boolean') return value ? 1 : 0;
  return value as SqlValue;
};

const decodeValue = (column: Column, value: SqlValue | undefined): unknown => {
  if (value === null || value === undefined) return null;
  if (column.kind === 'json') return JSON.parse(String(value));
  if (column.kind === 'boolean') return value === 1;
  // A Buffer of a pooled slab would keep the slab alive, and callers want plain bytes.
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
};

export const sqlName = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

type TableColumns = readonly {
  readonly name: string;
  readonly sql: string;
  readonly column: Column;
}[];
const columns = new Map<string, TableColumns>(
  Object.entries(tables).map(([table, description]) => [
    table,
    Object.entries<Column>(description.columns).map(([name, column]) => ({
      name,
      sql: sqlName(name),
      column,
    })),
  ]),
);

/** The columns of a table in their order, with their SQL names (`deviceId` is `device_id`). */
export const columnsOf = (table: TableName): TableColumns => columns.get(table) ?? [];

/** Values as SQLite keeps them: JSON as text, booleans as 0 and 1. */
export const rowCodec = {
  encode(table: TableName, row: Readonly<Record<string, unknown>>): Record<string, SqlValue> {
    const encoded: Record<string, SqlValue> = {};
    for (const { name, column } of columnsOf(table)) {
      if (Object.hasOwn(row, name)) encoded[name] = encodeValue(column, row[name]);
    }
    return encoded;
  },
  decode<T extends TableName>(table: T, values: Readonly<Record<string, SqlValue>>): Row<T> {
    const row: Record<string, unknown> = {};
    for (const { name, column } of columnsOf(table)) row[name] = decodeValue(column, values[name]);
    return row as Row<T>;
  },
};
