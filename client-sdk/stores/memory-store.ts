import { Overlay } from './overlay.ts';
import { type Store, StoreError, type TableReader } from './store.ts';

const nothing: TableReader = { get: () => undefined, all: () => [], count: () => 0 };

/** A store that forgets everything at `close`: for tests and throw-away accounts. */
export const openMemoryStore = (): Store => {
  const rows = new Overlay(nothing);
  let open = true;
  const whenOpen = (): Overlay => {
    if (!open) throw new StoreError('closed', 'the store is closed');
    return rows;
  };
  return {
    get: (table, key) => whenOpen().get(table, key),
    all: (table, query) => whenOpen().all(table, query),
    count: (table, where) => whenOpen().count(table, where),
    transaction: (fn) => {
      const changes = new Overlay(whenOpen());
      const result = fn(changes);
      changes.applyTo(rows);
      return result;
    },
    close: () => {
      open = false;
    },
  };
};
