import type { TableReader } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';

type TimelineRow = Row<'timeline'>;

/**
 * Messages that wait for the keys of their sender while those are about to be asked for. They are
 * not called unreadable before the answer: mostly it makes them readable at once.
 */
export const awaitedKeys = {
  /** The messages that the query which follows may settle. */
  heldOf: (tables: TableReader, rows: readonly TimelineRow[]): TimelineRow[] =>
    rows.filter(({ state, sender }) => {
      const user = state === 'waiting' ? tables.get('users', { userId: sender }) : undefined;
      return user?.tracked && user.outdated && user.queryAfter <= Date.now();
    }),

  /** Those that wait on, as they are now; of the others it was told what became of them. */
  inVain: (tables: TableReader, held: readonly TimelineRow[]): TimelineRow[] =>
    held.flatMap(({ roomId, eventId }) => {
      const row = tables.get('timeline', { roomId, eventId });
      return row?.state === 'waiting' ? [row] : [];
    }),
};
