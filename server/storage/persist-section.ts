import type { PersistItem } from './persist-item.ts';

export type Column<Row> = readonly [type: string, read: (row: Row) => unknown];

/** One part of the statement: rows of one kind, sent as one array for each column. */
export type Section = {
  readonly name: string;
  /** The SQL around `rows`, which is a table function over the columns. */
  readonly write: (rows: string) => string;
  readonly types: readonly string[];
  /** The arrays, one for each column; undefined when there is nothing of this kind. */
  readonly collect: (items: readonly PersistItem[]) => unknown[][] | undefined;
};

export const section = <Row>(
  name: string,
  columns: readonly Column<Row>[],
  rowsOf: (items: readonly PersistItem[]) => Iterable<Row>,
  write: (rows: string) => string,
): Section => ({
  name,
  write,
  types: columns.map(([type]) => type),
  collect: (items) => {
    const arrays: unknown[][] = columns.map(() => []);
    for (const row of rowsOf(items)) {
      columns.forEach(([, read], index) => {
        arrays[index]?.push(read(row));
      });
    }
    return arrays[0]?.length ? arrays : undefined;
  },
});

/** The last of the rows with the same key: a statement may write a row only once. */
export const lastOf = <Row>(
  rows: Iterable<Row>,
  keyOf: (row: Row) => string | number,
): Iterable<Row> => {
  const last = new Map<string | number, Row>();
  for (const row of rows) last.set(keyOf(row), row);
  return last.values();
};

/** Rows of one kind, item by item. */
export const each = <Row>(read: (item: PersistItem) => Iterable<Row> | undefined) =>
  function* (items: readonly PersistItem[]): Iterable<Row> {
    for (const item of items) yield* read(item) ?? [];
  };
