import type { SqlValue } from './row-codec.ts';
import type { ColumnName, Key, Row, TableName } from './tables.ts';

/** Which rows, in which order, how many. Every given column must be equal. */
export type Query<T extends TableName> = {
  readonly where?: Partial<Row<T>>;
  readonly orderBy?: ColumnName<T>;
  readonly descending?: boolean;
  /** Only rows whose `orderBy` column is below this number. */
  readonly below?: number;
  readonly limit?: number;
};

export type TableReader = {
  get<T extends TableName>(table: T, key: Key<T>): Row<T> | undefined;
  all<T extends TableName>(table: T, query?: Query<T>): Row<T>[];
  count<T extends TableName>(table: T, where?: Partial<Row<T>>): number;
};

export type TableWriter = TableReader & {
  /** Inserts the row, or replaces the one with the same primary key. */
  put<T extends TableName>(table: T, row: Row<T>): void;
  /** Deletes every row whose given columns are equal. */
  delete<T extends TableName>(table: T, where: Partial<Row<T>>): void;
  /** Makes these changes, in their order. */
  apply(changes: readonly Change[]): void;
};

/** Columns by their names, in the form in which rows are stored: they can go to another thread as they are. */
export type Encoded = Readonly<Record<string, SqlValue>>;

/** One row put, or with `row` undefined deleted by its primary key. */
export type Change = {
  readonly table: TableName;
  readonly key: Encoded;
  readonly row: Encoded | undefined;
};

/** One account's local store. Synchronous: `fn` must not await, and when it throws nothing is changed. */
export type Store = TableReader & {
  transaction<R>(fn: (tx: TableWriter) => R): R;
  close(): void;
};

export type StoreErrorCode = 'wrong-key' | 'in-use' | 'newer-schema' | 'unreadable' | 'closed';

/** Why a store could not be opened or used; `code` is for programs, the text for people. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, text: string, options: { cause?: unknown } = {}) {
    super(text, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
