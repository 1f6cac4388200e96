import type { SnapshotRow } from './next-snapshot.ts';
import type {
  EventRow,
  MembershipRow,
  MovedEntry,
  PersistItem,
  RoomRow,
  SentTransactionRow,
} from './persist-item.ts';
import { predecessorSections } from './persist-predecessors.ts';
import { type Column, each, lastOf, type Section, section } from './persist-section.ts';

type InRoom<Row> = Row & { readonly roomNid: number };
const eachInRoom = <Row extends object>(read: (item: PersistItem) => Iterable<Row> | undefined) =>
  each((item): InRoom<Row>[] =>
    [...(read(item) ?? [])].map((row) => ({ ...row, roomNid: item.room.roomNid })),
  );

const eventColumns: readonly Column<EventRow>[] = [
  ['bigint', (row) => row.eventNid],
  ['int', (row) => row.roomNid],
  ['text', (row) => row.eventId],
  ['bigint', (row) => row.position],
  ['bigint', (row) => row.depth],
  ['int', (row) => row.stateKeyNid],
  ['bigint', (row) => row.snapshotNid],
  ['boolean', (row) => row.isOutlier],
  ['boolean', (row) => row.isSoftFailed],
  ['text', (row) => row.rejectedFor],
  ['text', (row) => row.redactedBy],
  ['bigint', (row) => row.receivedAt],
  ['text', (row) => row.json],
];

/** Redactions of events of the same batch are written with the event itself: the statement does not see its own rows. */
const eventRows = (read: (item: PersistItem) => readonly EventRow[]) =>
  function* (items: readonly PersistItem[]): Iterable<EventRow> {
    const redactions = new Map(
      items.flatMap((item) => item.redactions ?? []).map((r) => [r.eventId, r]),
    );
    for (const item of items) {
      for (const row of read(item)) {
        const redaction = redactions.size > 0 ? redactions.get(row.eventId) : undefined;
        yield redaction ? { ...row, json: redaction.json, redactedBy: redaction.redactedBy } : row;
      }
    }
  };

const redactionRows = (items: readonly PersistItem[]) => {
  const placed = new Set(items.flatMap((item) => item.placed ?? []).map((row) => row.eventId));
  const rows = lastOf(each((item) => item.redactions)(items), (row) => row.eventId);
  return [...rows].filter((row) => !placed.has(row.eventId));
};

type StateRow = MovedEntry & { readonly roomNid: number; readonly keyNid: number };

const stateRows = (items: readonly PersistItem[]): Iterable<StateRow> => {
  const rows = each((item) =>
    [...(item.stateDelta ?? [])].map(([keyNid, entry]) => ({
      roomNid: item.room.roomNid,
      keyNid,
      ...entry,
    })),
  )(items);
  // One item names a key once.
  return items.length === 1 ? rows : lastOf(rows, (row) => `${row.roomNid} ${row.keyNid}`);
};

const roomColumns: readonly Column<RoomRow>[] = [
  ['int', (row) => row.roomNid],
  ['text', (row) => row.roomId],
  ['text', (row) => row.version],
  ['text', (row) => JSON.stringify(row.extremities)],
  ['bigint', (row) => row.snapshotNid],
];

/** Each room as the last item leaves it, in one order for all writers. */
const lastRooms = (items: readonly PersistItem[], isNew: boolean): RoomRow[] => {
  const made = new Set(items.filter((item) => item.isNewRoom).map((item) => item.room.roomNid));
  const rooms = lastOf(
    items.map((item) => item.room),
    (row) => row.roomNid,
  );
  return [...rooms]
    .filter((row) => made.has(row.roomNid) === isNew)
    .sort((one, other) => one.roomNid - other.roomNid);
};

const arrayText = (numbers: readonly number[]): string => `{${numbers.join(',')}}`;

/** Everything a batch may write, each part in the SQL of its table. */
export const persistSections: readonly Section[] = [
  section(
    'events',
    eventColumns,
    eventRows((item) => item.events),
    (rows) =>
      `INSERT INTO events (event_nid, room_nid, event_id, position, depth, state_key_nid,
       snapshot_nid, is_outlier, is_soft_failed, rejected_for, redacted_by, received_at, json)
       SELECT * FROM ${rows}`,
  ),
  section(
    'rooms',
    roomColumns,
    (items) => lastRooms(items, false),
    (rows) =>
      `UPDATE rooms SET version = r.version, extremities = r.extremities,
              snapshot_nid = r.snapshot_nid
       FROM ${rows} AS r (room_nid, room_id, version, extremities, snapshot_nid)
       WHERE rooms.room_nid = r.room_nid`,
  ),
  section(
    'newRooms',
    roomColumns,
    (items) => lastRooms(items, true),
    (rows) =>
      `INSERT INTO rooms (room_nid, room_id, version, extremities, snapshot_nid)
       SELECT * FROM ${rows}`,
  ),
  section<SentTransactionRow>(
    'transactions',
    [
      ['text', (row) => row.userId],
      ['text', (row) => row.deviceId],
      ['text', (row) => row.txnKey],
      ['text', (row) => row.eventId],
      ['bigint', (row) => row.sentAt],
    ],
    each((item) => item.transaction && [item.transaction]),
    (rows) =>
      `INSERT INTO sent_transactions (user_id, device_id, txn_key, event_id, sent_at)
       SELECT * FROM ${rows} ON CONFLICT DO NOTHING`,
  ),
  section<{ readonly destination: string; readonly eventNid: number }>(
    'outbox',
    [
      ['text', (row) => row.destination],
      ['bigint', (row) => row.eventNid],
    ],
    each((item) => item.outbox),
    // A server that comes back may have some of it waiting still.
    (rows) =>
      `INSERT INTO outbound_pdus (destination, event_nid)
       SELECT * FROM ${rows} ON CONFLICT DO NOTHING`,
  ),
  section<SnapshotRow>(
    'snapshots',
    [
      ['bigint', (row) => row.snapshotNid],
      ['int', (row) => row.roomNid],
      ['bigint', (row) => row.parentNid],
      ['smallint', (row) => row.hops],
      ['bytea', (row) => row.hash],
      ['text', (row) => arrayText(row.keyNids)],
      ['text', (row) => arrayText(row.eventNids)],
    ],
    each((item) => item.snapshots),
    (rows) =>
      `INSERT INTO state_snapshots
       (snapshot_nid, room_nid, parent_nid, hops, state_hash, key_nids, event_nids)
       SELECT a, b, c, d, e, f::int[], g::bigint[] FROM ${rows} AS s (a, b, c, d, e, f, g)`,
  ),
  section<StateRow>(
    'state',
    [
      ['int', (row) => row.roomNid],
      ['int', (row) => row.keyNid],
      ['bigint', (row) => row.eventNid],
      ['bigint', (row) => row.position],
    ],
    (items) => [...stateRows(items)].filter((row) => row.eventNid !== 0),
    (rows) =>
      `INSERT INTO current_state (room_nid, key_nid, event_nid, position) SELECT * FROM ${rows}
       ON CONFLICT (room_nid, key_nid)
       DO UPDATE SET event_nid = excluded.event_nid, position = excluded.position`,
  ),
  section<StateRow>(
    'stateGone',
    [
      ['int', (row) => row.roomNid],
      ['int', (row) => row.keyNid],
    ],
    (items) => [...stateRows(items)].filter((row) => row.eventNid === 0),
    (rows) =>
      `DELETE FROM current_state c USING ${rows} AS g (room_nid, key_nid)
       WHERE c.room_nid = g.room_nid AND c.key_nid = g.key_nid`,
  ),
  section<MembershipRow>(
    'memberships',
    [
      ['int', (row) => row.roomNid],
      ['text', (row) => row.userId],
      ['text', (row) => row.membership],
      ['text', (row) => row.eventId],
      ['text', (row) => row.sender],
      ['bigint', (row) => row.position],
      ['boolean', (row) => row.isLocal],
      ['text', (row) => row.strippedState],
      ['text', (row) => row.knockedThrough ?? null],
    ],
    (items) =>
      lastOf(each((item) => item.memberships)(items), (row) => `${row.roomNid} ${row.userId}`),
    (rows) =>
      `INSERT INTO memberships (room_nid, user_id, membership, event_id, sender, position,
       is_local, stripped_state, knocked_through, since) SELECT r.*, r.position FROM ${rows} AS r
       (room_nid, user_id, membership, event_id, sender, position, is_local, stripped_state,
       knocked_through)
       ON CONFLICT (room_nid, user_id) DO UPDATE SET membership = excluded.membership,
       event_id = excluded.event_id, sender = excluded.sender, position = excluded.position,
       stripped_state = excluded.stripped_state, knocked_through = excluded.knocked_through,
       since = CASE WHEN memberships.membership = excluded.membership THEN memberships.since
         ELSE excluded.since END,
       is_forgotten = memberships.is_forgotten AND excluded.membership IN ('leave', 'ban')`,
  ),
  section<InRoom<NonNullable<PersistItem['relations']>[number]>>(
    'relations',
    [
      ['int', (row) => row.roomNid],
      ['text', (row) => row.parentEventId],
      ['bigint', (row) => row.eventNid],
      ['text', (row) => row.relType],
      ['text', (row) => row.sender],
    ],
    eachInRoom((item) => item.relations),
    (rows) =>
      `INSERT INTO relations (room_nid, parent_event_id, event_nid, rel_type, sender)
       SELECT * FROM ${rows} ON CONFLICT DO NOTHING`,
  ),
  section<NonNullable<PersistItem['redactions']>[number]>(
    'redactions',
    [
      ['text', (row) => row.eventId],
      ['text', (row) => row.redactedBy],
      ['text', (row) => row.json],
    ],
    redactionRows,
    (rows) =>
      `UPDATE events SET json = r.json, redacted_by = r.redacted_by
       FROM ${rows} AS r (event_id, redacted_by, json) WHERE events.event_id = r.event_id`,
  ),
  section<InRoom<NonNullable<PersistItem['waitingRedactions']>[number]>>(
    'waiting',
    [
      ['int', (row) => row.roomNid],
      ['text', (row) => row.redacts],
      ['text', (row) => row.eventId],
    ],
    eachInRoom((item) => item.waitingRedactions),
    (rows) =>
      `INSERT INTO waiting_redactions (room_nid, redacts, event_id)
       SELECT * FROM ${rows} ON CONFLICT DO NOTHING`,
  ),
  section<EventRow>(
    'placed',
    eventColumns,
    eventRows((item) => item.placed ?? []),
    (rows) =>
      `UPDATE events SET position = p.position, snapshot_nid = p.snapshot_nid,
       is_outlier = p.is_outlier, is_soft_failed = p.is_soft_failed, rejected_for = p.rejected_for,
       redacted_by = p.redacted_by, received_at = p.received_at, json = p.json
       FROM ${rows} AS p (event_nid, room_nid, event_id, position, depth, state_key_nid,
       snapshot_nid, is_outlier, is_soft_failed, rejected_for, redacted_by, received_at, json)
       WHERE events.event_nid = p.event_nid`,
  ),
  ...predecessorSections,
];
