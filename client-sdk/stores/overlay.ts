import { rowCodec, type SqlValue } from './row-codec.ts';
import type { Change, Encoded, Query, TableReader, TableWriter } from './store.ts';
import { type Key, type Row, type TableName, tables } from './tables.ts';

type Changes = Map<string, Change>;

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
    this.#change({ table, key: this.#keyOf(table, row), row: rowCodec.encode(table, row) });
  }

  delete<T extends TableName>(table: T, where: Partial<Row<T>>): void {
    for (const row of this.all(table, { where })) {
      this.#change({ table, key: this.#keyOf(table, row), row: undefined });
    }
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) this.#change(change);
  }

  /** The changes so far, table by table in the order they were made. */
  changes(): Change[] {
    return [...this.#changes.values()].flatMap((changes) => [...changes.values()]);
  }

  /** Writes the changes and forgets them. */
  applyTo(tx: TableWriter): void {
    tx.apply(this.changes());
    this.#changes.clear();
  }

  #change(change: Change): void {
    const { table, key } = change;
    this.#changesOf(table).set(this.#keyText(table, key), change);
  }

  #changesOf(table: TableName): Changes {
    const known = this.#changes.get(table);
    if (known) return known;
    const changes: Changes = new Map();
    this.#changes.set(table, changes);
    return changes;
  }

  #keyOf(table: TableName, row: Readonly<Record<string, unknown>>): Encoded {
    const key = tables[table].key.map((name) => [name, row[name]]);
    return rowCodec.encode(table, Object.fromEntries(key));
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
