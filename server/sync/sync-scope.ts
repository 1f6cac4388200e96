import type { syncFilter } from '@candor/spec';
import type { Static } from 'typebox';
import type { Context } from '../context.ts';
import type { RoomEventFilter } from '../rooms/event-filter.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import type { SyncToken } from './sync-token.ts';

export type SyncFilter = Static<typeof syncFilter>;

/** What a session asks for. */
export type SyncRequest = {
  readonly userId: string;
  readonly deviceId: string;
  readonly since: SyncToken | undefined;
  readonly filter: SyncFilter;
  readonly fullState: boolean;
  readonly useStateAfter: boolean;
};

/** One look at the stream for one session: what lies after `from` and up to `upTo`, all of it when it is an initial one. */
export type SyncScope = {
  readonly context: Context;
  readonly request: SyncRequest;
  readonly isInitial: boolean;
  readonly from: StreamPosition;
  readonly upTo: StreamPosition;
  /** Users whose messages this one does not want to see. */
  readonly ignored: ReadonlySet<string>;
};

/** What the filter of `/sync` says of the events of rooms, a part at a time. */
export const roomFilterOf = (
  { filter }: SyncRequest,
  part: 'state' | 'timeline' | 'ephemeral' | 'account_data',
): RoomEventFilter => filter.room?.[part] ?? {};
