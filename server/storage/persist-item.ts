import type { SnapshotRow } from './next-snapshot.ts';
import type { StreamPosition } from './stream-clock.ts';

export type EventRow = {
  readonly eventNid: number;
  readonly roomNid: number;
  readonly eventId: string;
  /** Place in the timeline; null for events outside it. */
  readonly position: number | null;
  readonly depth: number;
  readonly stateKeyNid: number | null;
  /** State before the event. */
  readonly snapshotNid: number | null;
  readonly isOutlier: boolean;
  readonly isSoftFailed: boolean;
  readonly rejectedFor: string | null;
  readonly redactedBy: string | null;
  readonly receivedAt: number;
  readonly json: string;
};

export type MembershipRow = {
  readonly roomNid: number;
  readonly userId: string;
  readonly membership: string;
  readonly eventId: string;
  readonly sender: string;
  readonly position: StreamPosition;
  readonly isLocal: boolean;
  readonly strippedState: string | null;
  /** The server that took a knock on a room that this server is not in. */
  readonly knockedThrough?: string;
};

export type RoomRow = {
  readonly roomNid: number;
  readonly roomId: string;
  readonly version: string;
  readonly extremities: readonly string[];
  readonly snapshotNid: number | null;
};

export type SentTransactionRow = {
  readonly userId: string;
  readonly deviceId: string;
  readonly txnKey: string;
  readonly eventId: string;
  readonly sentAt: number;
};

export type MovedEntry = { readonly eventNid: number; readonly position: StreamPosition };

/** One step of one room: everything that is written with its events, or not at all. */
export type PersistItem = {
  readonly room: RoomRow;
  readonly isNewRoom?: boolean;
  readonly events: readonly EventRow[];
  /** Outliers that have found their place; written over the row that is there. */
  readonly placed?: readonly EventRow[];
  readonly snapshots?: readonly SnapshotRow[];
  /** Current state: key to event, zero where the key goes, and where in the stream it moved. */
  readonly stateDelta?: ReadonlyMap<number, MovedEntry>;
  readonly memberships?: readonly MembershipRow[];
  readonly relations?: readonly {
    readonly parentEventId: string;
    readonly eventNid: number;
    readonly relType: string;
    readonly sender: string;
  }[];
  readonly redactions?: readonly {
    readonly eventId: string;
    readonly redactedBy: string;
    /** The redacted event as it is stored from now on. */
    readonly json: string;
  }[];
  /** Redactions whose event is not here yet. */
  readonly waitingRedactions?: readonly { readonly redacts: string; readonly eventId: string }[];
  /** Predecessors that are not here yet, and who names them. */
  readonly missing?: readonly { readonly eventId: string; readonly childEventId: string }[];
  /** Events that were missing and are here now. */
  readonly found?: readonly string[];
  /** Positions of live events right before which the timeline has a gap. */
  readonly gaps?: readonly StreamPosition[];
  readonly transaction?: SentTransactionRow;
  readonly outbox?: readonly { readonly destination: string; readonly eventNid: number }[];
  /** Taken from the clock for this item; settled with it. */
  readonly positions: readonly StreamPosition[];
};
