import type { JsonObject } from '@candor/federation';
import type { TableReader } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';

/** What is kept of a room beside its members and encryption. */
export type RoomSummary = {
  readonly membership: 'join' | 'invite' | 'leave';
  readonly name: string | null;
  readonly topic: string | null;
  readonly historyVisibility: string;
  /** Whether `members` holds all of them; `/members` is asked before something is encrypted. */
  readonly membersComplete: boolean;
  /** Raised by every news of members. */
  readonly membersRevision: number;
  /** Who invited us, while we are invited. */
  readonly inviter: string | null;
  /** Where the history before what is stored begins, for `/messages`; null when nothing older is known. */
  readonly earlier: string | null;
  /** The room that replaces this one. */
  readonly replacement: string | null;
};

const noSummary: RoomSummary = {
  membership: 'leave',
  name: null,
  topic: null,
  historyVisibility: 'shared',
  membersComplete: false,
  membersRevision: 0,
  inviter: null,
  earlier: null,
  replacement: null,
};

/** The stored form of a room's summary. */
export const roomSummary = {
  of: (room: Row<'rooms'>): RoomSummary => ({ ...noSummary, ...room.summary }),

  /** A room's row, a new one where nothing is stored. */
  rowOf: (tables: TableReader, roomId: string): Row<'rooms'> =>
    tables.get('rooms', { roomId }) ?? {
      roomId,
      encryption: null,
      directUserId: null,
      summary: { ...noSummary },
    },

  with: (room: Row<'rooms'>, changes: Partial<RoomSummary>): Row<'rooms'> => ({
    ...room,
    summary: { ...room.summary, ...changes } satisfies JsonObject,
  }),
};
