import { rowCodec, type SqlValue } from './row-codec.ts';
import type { Query, TableReader, TableWriter } from './store.ts';
import { type Key, type Row, type TableName, tables } from './tables.ts';

type Encoded = Readonly<Record<string, SqlValue>>;
type Changes = Map<string, { readonly key: Encoded; readonly row: Encoded | undefined }>;

const sameValue = (a: SqlValue | undefined, b: SqlValue | undefined): boolean => {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return (a ?? null) === (b ?? null);
};

const isBefore = (a: SqlValue | undefined, b: SqlValue | undefined): number => {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return a < b ? -1 : 1;
};

/**
 * Changes on top of a reader, kept in memory until `applyTo` writes them. libsignal's many small
 * store writes go here, so that they and the plaintext become one transaction or nothing.
 */
export class Overlay implements TableWriter {
  readonly #under: TableReader;
  readonly #changes = new Map<TableName, Changes>();

  constructor(under: TableReader) {
    this.#under = under;
  }

  get<T extends TableName>(table: T, key: Key<T>): Row<T> | undefined {
    const change = this.#changes.get(table)?.get(this.#keyText(table, key));
    if (change === undefined) return this.#under.get(table, key);
    return change.row && rowCodec.decode(table, change.row);
  }

  all<T extends TableName>(table: T, query: Query<T> = {}): Row<T>[] {
    const changes = this.#changes.get(table);
    if (changes === undefined || changes.size === 0) return this.#under.all(table, query);
    const { limit, ...unlimited } = query;
    const rows = this.#under
      .all(table, { ...unlimited, ...(limit === undefined ? {} : { limit: limit + changes.size }) })
      .filter((row) => !changes.has(this.#keyText(table, row as Key<T>)));
    const where = rowCodec.encode(table, query.where ?? {});
    for (const { row } of changes.values()) {
      if (row === undefined) continue;
      const matches = Object.entries(where).every(([name, value]) => sameValue(row[name], value));
      const { orderBy, below } = query;
      if (!matches || (below !== undefined && orderBy && !(Number(row[orderBy]) < below))) continue;
      rows.push(rowCodec.decode(table, row));
    }
    return this.#ordered(rows, query).slice(0, limit);
  }

  count<T extends TableName>(table: T, where: Partial<Row<T>> = {}): number {
    return this.#changes.has(table)
      ? this.all(table, { where }).length
      : this.#under.count(table, where);
  }

  put<T extends TableName>(table: T, row: Row<T>): void {
    const encoded = rowCodec.encode(table, row);
    this.#changesOf(table).set(this.#keyText(table, row), { key: encoded, row: encoded });
  }

  delete<T extends TableName>(table: T, where: Partial<Row<T>>): void {
    for (const row of this.all(table, { where })) {
      const key = rowCodec.encode(table, row);
      this.#changesOf(table).set(this.#keyText(table, row), { key, row: undefined });
    }
  }

  /** Writes the changes, in the order they were made, and forgets them. */
  applyTo(tx: TableWriter): void {
    for (const [table, changes] of this.#changes) {
      for (const { key, row } of changes.values()) {
        if (row) tx.put(table, rowCodec.decode(table, row));
        else tx.delete(table, this.#keyOf(table, rowCodec.decode(table, key)));
      }
    }
    this.#changes.clear();
  }

  #changesOf(table: TableName): Changes {
    const known = this.#changes.get(table);
    if (known) return known;
    const changes: Changes = new Map();
    this.#changes.set(table, changes);
    return changes;
  }

  #keyOf<T extends TableName>(table: T, row: Row<T>): Partial<Row<T>> {
    const names: readonly string[] = tables[table].key;
    return Object.fromEntries(
      Object.entries(row).filter(([name]) => names.includes(name)),
    ) as Partial<Row<T>>;
  }

  #keyText(table: TableName, row: object): string {
    const values = row as Readonly<Record<string, unknown>>;
    return JSON.stringify(tables[table].key.map((name) => values[name]));
  }

  #ordered<T extends TableName>(rows: Row<T>[], query: Query<T>): Row<T>[] {
    const { orderBy, descending } = query;
    if (orderBy === undefined) return rows;
    const sign = descending ? -1 : 1;
    return rows.sort((a, b) => sign * isBefore(a[orderBy] as SqlValue, b[orderBy] as SqlValue));
  }
}
