import { setImmediate } from 'node:timers/promises';
import { eventFromPdu, type Pdu, type RoomEvent, roomVersionRules } from '@candor/federation';
import { limits } from '@candor/spec';
import { readJson } from './spoiled-rows.ts';

/** An event as it is kept, with what this server knows about it. */
export type StoredEvent = {
  readonly event: RoomEvent;
  readonly eventNid: number;
  readonly roomNid: number;
  /** Place in the timeline: positive for live events, negative for backfilled ones, null outside it. */
  readonly position: number | null;
  /** State before the event; null for outliers, and for the create event, which has none before it. */
  readonly snapshotNid: number | null;
  readonly isOutlier: boolean;
  readonly isSoftFailed: boolean;
  /** Why it was rejected; null when it was not. */
  readonly rejectedFor: string | null;
  /** Id of the redaction that was applied; the content is gone. */
  readonly redactedBy: string | null;
  /** Milliseconds since the epoch, by our clock. */
  readonly receivedAt: number;
};

/** What the reads of `events` select, joined to `rooms`. */
export const storedEventColumns = [
  'events.event_nid',
  'events.room_nid',
  'events.event_id',
  'events.position',
  'events.snapshot_nid',
  'events.is_outlier',
  'events.is_soft_failed',
  'events.rejected_for',
  'events.redacted_by',
  'events.received_at',
  'events.json',
  'rooms.room_id',
  'rooms.version',
] as const;

export type StoredEventRow = {
  readonly event_nid: number;
  readonly room_nid: number;
  readonly event_id: string;
  readonly position: number | null;
  readonly snapshot_nid: number | null;
  readonly is_outlier: boolean;
  readonly is_soft_failed: boolean;
  readonly rejected_for: string | null;
  readonly redacted_by: string | null;
  readonly received_at: number;
  readonly json: string;
  readonly room_id: string;
  readonly version: string;
};

const storedEventOf = (row: StoredEventRow): StoredEvent | undefined => {
  const rules = roomVersionRules(row.version);
  const pdu = readJson(row.json, { table: 'events', row: row.event_id });
  if (!rules || pdu === undefined) return undefined;
  return {
    event: eventFromPdu(pdu as Pdu, row.event_id, row.room_id, rules),
    eventNid: row.event_nid,
    roomNid: row.room_nid,
    position: row.position,
    snapshotNid: row.snapshot_nid,
    isOutlier: row.is_outlier,
    isSoftFailed: row.is_soft_failed,
    rejectedFor: row.rejected_for,
    redactedBy: row.redacted_by,
    receivedAt: row.received_at,
  };
};

/** Hears of an event whose row is there and cannot be read. */
export type OnSpoiled = (eventId: string, eventNid: number) => void;

/** Of many rows, without those that cannot be read; others have their turn between parts of them. */
export const storedEventsOf = async (
  rows: readonly StoredEventRow[],
  onSpoiled?: OnSpoiled,
): Promise<StoredEvent[]> => {
  const events: StoredEvent[] = [];
  for (const [index, row] of rows.entries()) {
    if (index > 0 && index % limits.rowsPerTurnMax === 0) await setImmediate();
    const stored = storedEventOf(row);
    if (stored) events.push(stored);
    else onSpoiled?.(row.event_id, row.event_nid);
  }
  return events;
};
