import { type RoomEvent, stateKeyOf } from '@candor/federation';
import { limits, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import type { Change, MovedState } from '../notifier.ts';
import type { PersistItem } from '../storage/persist-item.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { moveState, type StateChange } from './move-state.ts';
import { redactStored } from './redact-stored.ts';
import { relationOf } from './relation-of.ts';
import type { Room } from './room.ts';
import type { Transaction } from './sent-transactions.ts';

export type StepContext = Pick<Context, 'config' | 'db' | 'rooms' | 'now'>;

/** An event that has joined its room in memory, and what is to be written about it. */
export type Step = {
  readonly position: StreamPosition;
  readonly item: Omit<PersistItem, 'room' | 'isNewRoom'>;
  /** Events that memory has newer than the disk until the step is written. */
  readonly held: readonly StoredEvent[];
};

/** Where an event stands in its room, and what it does there; decided before, so that nothing waits in between. */
export type Placement = {
  readonly event: RoomEvent;
  /** State before the event; null before the create event. */
  readonly snapshotNid: number | null;
  readonly stateKeyNid: number | null;
  /** What becomes of the current state. */
  readonly changes: readonly StateChange[];
  /** For the snapshot of the current state after the changes, when there are any. */
  readonly nextSnapshotNid: number;
  /** Of the current state after the changes, where it is known. */
  readonly nextHash?: bigint | undefined;
  readonly extremities: readonly string[];
  readonly isSoftFailed: boolean;
  /** The event is stored already, as an outlier with this integer. */
  readonly outlierNid?: number | undefined;
  /** JSON for a local user who is invited or knocks. */
  readonly strippedState: string | null;
  /** What a redaction redacts, if it is here. */
  readonly target: StoredEvent | undefined;
  /** Redactions of this event that came before it. */
  readonly redactedBy: readonly RoomEvent[];
  readonly transaction?: Transaction | undefined;
  /** The server whose event we pass on to the others, because it came in, or went, through us. */
  readonly relayedFor?: string | undefined;
  /** Events from before that are to be sent with it. */
  readonly missed?: readonly { readonly destination: string; readonly eventNid: number }[];
};

/** Applies a redaction in memory; the redacted event is to be written. */
const applyRedaction = (room: Room, redaction: RoomEvent, target: StoredEvent | undefined) => {
  if (redaction.redacts === undefined) return {};
  if (!target) {
    const { redacts, eventId } = redaction;
    const waiting = room.waitingRedactions.get(redacts) ?? [];
    room.waitingRedactions.set(redacts, [...waiting, eventId]);
    return { waitingRedactions: [{ redacts, eventId }] };
  }
  const redacted = redactStored(room, redaction, target);
  if (!redacted) return {};
  const { event } = redacted;
  if (event.stateKey !== undefined)
    room.replaceSetting(stateKeyOf(event.type, event.stateKey), event);
  return {
    redacted,
    redactions: [
      {
        eventId: event.eventId,
        redactedBy: redaction.eventId,
        json: JSON.stringify(event.pdu),
      },
    ],
  };
};

const remoteServers = (room: Room, event: RoomEvent, serverName: string): Set<string> => {
  const servers = new Set(room.servers.keys());
  // The server of somebody removed or gone hears of it too; that of somebody invited was asked.
  const isInvite = event.content['membership'] === 'invite';
  if (event.type === 'm.room.member' && event.stateKey !== undefined && !isInvite) {
    servers.add(serverNameOf(event.stateKey) ?? serverName);
  }
  servers.delete(serverName);
  return servers;
};

/** Our own events go to every server in the room, and so do those that came in through us; soft-failed ones to nobody. */
const destinationsOf = (
  room: Room,
  { event, isSoftFailed, relayedFor }: Placement,
  serverName: string,
): ReadonlySet<string> => {
  const isSent = relayedFor !== undefined || serverNameOf(event.sender) === serverName;
  if (!isSent || isSoftFailed) return new Set();
  const servers = remoteServers(room, event, serverName);
  if (relayedFor !== undefined) servers.delete(relayedFor);
  return servers;
};

const isFor = (event: RoomEvent, serverName: string): boolean =>
  event.stateKey !== undefined && serverNameOf(event.stateKey) === serverName;

const wakesOf = (room: Room, event: RoomEvent, serverName: string): Iterable<string> => {
  const { stateKey } = event;
  const { localUsers } = room;
  const isOfLocalMember = event.type === 'm.room.member' && isFor(event, serverName);
  if (!isOfLocalMember || stateKey === undefined) return localUsers;
  // Not a copy: large rooms have many users and many changes. Nor the room, which may be dropped from memory before.
  return {
    *[Symbol.iterator]() {
      yield* localUsers;
      if (!localUsers.has(stateKey)) yield stateKey;
    },
  };
};

/** What readers of the change cannot see from the event itself. */
const movedBy = ({ event, changes }: Placement): { moved?: readonly MovedState[] | 'many' } => {
  const isPlain = changes.length === 0 || (changes.length === 1 && changes[0]?.to === 'own');
  if (isPlain && changes.length === (event.stateKey === undefined ? 0 : 1)) return {};
  if (changes.length > limits.movedStateToldMax) return { moved: 'many' };
  return {
    moved: changes.map(({ key, to }) => {
      const by = to === 'own' ? event : to?.event;
      return by ? { key, event: by } : { key };
    }),
  };
};

const changeOf = (room: Room, placement: Placement, serverName: string): Change => {
  const { event, transaction } = placement;
  return {
    kind: 'event',
    roomId: room.roomId,
    event,
    ...movedBy(placement),
    wakes: wakesOf(room, event, serverName),
    ...(transaction && {
      sentBy: {
        userId: event.sender,
        deviceId: transaction.deviceId,
        txnId: transaction.txnId,
      },
    }),
  };
};

/** The event as it will be stored, already redacted when a redaction was here before it. */
const storedOf = (room: Room, placement: Placement, position: number, receivedAt: number) => {
  const stored: StoredEvent = {
    event: placement.event,
    eventNid: placement.outlierNid ?? position,
    roomNid: room.roomNid,
    position,
    snapshotNid: placement.snapshotNid,
    isOutlier: false,
    isSoftFailed: placement.isSoftFailed,
    rejectedFor: null,
    redactedBy: null,
    receivedAt,
  };
  for (const redaction of placement.redactedBy) {
    const redacted = redactStored(room, redaction, stored);
    if (redacted) return redacted;
  }
  return stored;
};

/** What a step has taken so far, to be given back when it comes to nothing. */
type Taken = { readonly positions: StreamPosition[]; readonly held: StoredEvent[] };

const place = (
  { config, db, rooms, now }: StepContext,
  room: Room,
  placement: Placement,
  taken: Taken,
): Step => {
  const { serverName } = config;
  const takePosition = (change: Change | undefined): StreamPosition => {
    const position = db.clock.next(change);
    taken.positions.push(position);
    return position;
  };
  const before = destinationsOf(room, placement, serverName);
  const told = placement.isSoftFailed ? undefined : changeOf(room, placement, serverName);
  const position = takePosition(told);
  const stored = storedOf(room, placement, position, now());
  const { event, eventNid } = stored;
  const { redacted, ...redactionRows } = placement.isSoftFailed
    ? {}
    : applyRedaction(room, event, placement.target);
  const { changes, nextSnapshotNid: snapshotNid, strippedState, nextHash } = placement;
  const own = { eventNid, event };
  const move = { serverName, snapshotNid, position, strippedState, own, nextHash };
  const moved = changes.length > 0 ? moveState(room, changes, move) : {};
  room.extremities = placement.extremities;
  room.depth = Math.max(room.depth, event.depth);
  for (const one of redacted ? [stored, redacted] : [stored]) {
    rooms.events.holdUnwritten(one);
    taken.held.push(one);
  }
  const relation = relationOf(event);
  const sent = [...before].map((destination) => ({ destination, eventNid }));
  const outbox = [...sent, ...(placement.missed ?? [])];
  const destinations = [...new Set(outbox.map(({ destination }) => destination))];
  if (outbox.length > 0) takePosition({ kind: 'outbox', destinations, wakes: [] });
  const row = {
    ...stored,
    eventId: event.eventId,
    depth: event.depth,
    stateKeyNid: placement.stateKeyNid,
    json: JSON.stringify(event.pdu),
  };
  return {
    position,
    held: taken.held,
    item: {
      ...(placement.outlierNid === undefined ? { events: [row] } : { events: [], placed: [row] }),
      ...moved,
      ...redactionRows,
      ...(relation && { relations: [{ ...relation, eventNid }] }),
      outbox,
      positions: taken.positions,
    },
  };
};

/** The event joins the room's memory, all at once; what is returned goes to `commitSteps`. */
export const placeEvent = (context: StepContext, room: Room, placement: Placement): Step => {
  const taken: Taken = { positions: [], held: [] };
  try {
    return place(context, room, placement, taken);
  } catch (error) {
    // A position that stays open holds up every sync of the server.
    const { db, rooms } = context;
    rooms.abandon(room);
    rooms.events.release(taken.held, 'lost');
    db.clock.settle(taken.positions, 'abandoned');
    throw error;
  }
};
