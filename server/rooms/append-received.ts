import { type RoomEvent, type StateKey, stateKeyOf } from '@candor/federation';
import { createPace } from '../pace.ts';
import { DatabaseUnavailable } from '../storage/database-unavailable.ts';
import { nameState } from '../storage/room-state.ts';
import { changeStateHash } from '../storage/state-hash.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { readEffects } from './append-event.ts';
import type { StateChange } from './move-state.ts';
import { type Placement, placeEvent, type Step, type StepContext } from './place-event.ts';
import { resolveStateSets } from './resolve-state-sets.ts';
import type { Room } from './room.ts';
import { placeStateSet, type StateSet, stateSetAfter } from './state-set.ts';

/** What stands for an event that has no integer yet in a set of integers. */
const ownNid = -1;

export type ReceivedOptions = {
  readonly stateBefore: StateSet;
  /** The event is stored and may be built on, but changes nothing and is shown to nobody. */
  readonly isSoftFailed?: boolean;
  /** The state before replaces the room's own: this server has come (back) into the room with this event. */
  readonly isEntry?: boolean;
  /** Events that are here name it as a predecessor: it came late, and is no forward extremity. */
  readonly isNamed?: boolean;
  /** The server whose event we pass on to the others. */
  readonly relayedFor?: string | undefined;
};

/** The event's own entry of the state, under the integer that stands for it. */
type OwnEntry = { readonly key: StateKey; readonly keyNid: number };

const withOwn = async (
  { rooms }: StepContext,
  before: StateSet,
  event: RoomEvent,
  own: OwnEntry | undefined,
): Promise<StateSet> => {
  if (!own) return before;
  const replaced = before.entries.get(own.keyNid);
  const old = replaced && (await rooms.events.loadByNid([replaced])).get(replaced);
  return {
    entries: new Map(before.entries).set(own.keyNid, ownNid),
    hash: changeStateHash(before.hash, old ? old.event.eventId : undefined, event.eventId),
    near: before.near,
    delta: new Map(before.delta).set(own.keyNid, ownNid),
  };
};

/** The event as the resolution of state meets it, which is before it is stored. */
const pendingOf = (room: Room, event: RoomEvent): StoredEvent => ({
  event,
  eventNid: ownNid,
  roomNid: room.roomNid,
  position: null,
  snapshotNid: null,
  isOutlier: true,
  isSoftFailed: false,
  rejectedFor: null,
  redactedBy: null,
  receivedAt: 0,
});

/** The room's state once the event stands beside the other forward extremities, or behind them when it is named. */
const stateWith = async (
  context: StepContext,
  room: Room,
  event: RoomEvent,
  after: StateSet,
  { others, isNamed }: { readonly others: readonly string[]; readonly isNamed: boolean },
): Promise<StateSet> => {
  if (others.length === 0) return after;
  const { events } = context.rooms;
  const stored = await events.load(others);
  const sets = await Promise.all([...stored.values()].map((one) => stateSetAfter(context, one)));
  if (isNamed) return resolveStateSets(context, room, sets);
  const pending = pendingOf(room, event);
  events.holdUnwritten(pending);
  try {
    return await resolveStateSets(context, room, [after, ...sets], pending);
  } finally {
    events.release([pending], 'lost');
  }
};

/** What the event takes the place of: its predecessors, and those behind them that never were extremities themselves. */
const predecessorsOf = async (
  { rooms }: StepContext,
  event: RoomEvent,
): Promise<ReadonlySet<string>> => {
  const named = new Set(event.prevEvents);
  for (let open = event.prevEvents; open.length > 0; ) {
    const stored = [...(await rooms.events.load(open)).values()];
    open = stored
      .filter((one) => one.isSoftFailed || one.rejectedFor !== null)
      .flatMap((one) => one.event.prevEvents.filter((eventId) => !named.has(eventId)));
    for (const eventId of open) named.add(eventId);
  }
  return named;
};

/** What has to change in the current state to become `next`. */
const changesTo = async (
  { db, rooms }: StepContext,
  room: Room,
  next: StateSet,
  own: OwnEntry | undefined,
): Promise<readonly StateChange[]> => {
  const now = new Map([...room.state].map(([key, entry]) => [entry.keyNid, { key, ...entry }]));
  const changes: StateChange[] = [];
  const different = new Map<number, number>();
  for (const [keyNid, eventNid] of next.entries) {
    if (eventNid === ownNid && own) changes.push({ ...own, to: 'own' });
    else if (now.get(keyNid)?.eventNid !== eventNid) different.set(keyNid, eventNid);
  }
  for (const [keyNid, { key }] of now) {
    if (!next.entries.has(keyNid)) changes.push({ key, keyNid });
  }
  const named = await nameState(db, different);
  const loaded = await rooms.events.load(named.map(([, entry]) => entry.eventId));
  const rest = createPace();
  for (const [key, { keyNid, eventNid, eventId }] of named) {
    await rest();
    const stored = loaded.get(eventId);
    if (stored) changes.push({ key, keyNid, to: { eventNid, event: stored.event } });
  }
  return changes;
};

/**
 * What a server that comes into the room through us, and was not told while its join was on the way, has to be sent:
 * the other forward extremities, from which it finds the rest.
 */
const missedBy = async (
  { rooms }: StepContext,
  room: Room,
  { content }: RoomEvent,
  others: readonly string[],
  origin: string | undefined,
): Promise<Placement['missed']> => {
  if (origin === undefined || content['membership'] !== 'join' || room.servers.has(origin))
    return [];
  const stored = await rooms.events.load(others);
  return [...stored.values()].map(({ eventNid }) => ({ destination: origin, eventNid }));
};

/**
 * A checked event from elsewhere joins the room's graph wherever its predecessors are: new forward extremities, the
 * state before it, and the current state resolved from all of them. Only the room's writer calls it; the answer goes
 * to `commitSteps`. Throws `AuthChainTooLong`.
 */
export const appendReceived = async (
  context: StepContext,
  room: Room,
  event: RoomEvent,
  options: ReceivedOptions,
): Promise<Step> => {
  const { stateBefore, isSoftFailed = false, isEntry = false, isNamed = false } = options;
  const effects = await readEffects(context, room, event);
  const { stateKeyNid: keyNid } = effects;
  const own =
    event.stateKey === undefined || keyNid === null
      ? undefined
      : { key: stateKeyOf(event.type, event.stateKey), keyNid };
  const before = await placeStateSet(context, room, stateBefore);
  const named = await predecessorsOf(context, event);
  const others = isEntry ? [] : room.extremities.filter((eventId) => !named.has(eventId));
  let changes: readonly StateChange[] = [];
  let nextHash: bigint | undefined;
  if (!isSoftFailed) {
    const after = await withOwn(context, stateBefore, event, own);
    const next = await stateWith(context, room, event, after, { others, isNamed });
    changes = await changesTo(context, room, next, own);
    nextHash = next.hash;
  }
  const missed = isSoftFailed
    ? []
    : await missedBy(context, room, event, others, options.relayedFor);
  const known = await context.rooms.events.loadOne(event.eventId);
  const nextSnapshotNid = changes.length > 0 ? await context.rooms.snapshotNids.take() : 0;
  if (room.isStale) throw new DatabaseUnavailable('a write before this one failed');
  const { item, ...step } = placeEvent(context, room, {
    ...effects,
    event,
    snapshotNid: before.head?.nid ?? null,
    changes,
    nextSnapshotNid,
    nextHash,
    extremities: isSoftFailed ? room.extremities : isNamed ? others : [...others, event.eventId],
    isSoftFailed,
    relayedFor: options.relayedFor,
    missed,
    outlierNid: known?.isOutlier ? known.eventNid : context.rooms.events.spoiledNid(event.eventId),
  });
  const { row } = before;
  if (!row) return { ...step, item };
  return { ...step, item: { ...item, snapshots: [row, ...(item.snapshots ?? [])] } };
};
