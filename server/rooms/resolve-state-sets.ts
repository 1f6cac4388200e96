import {
  authChainIds,
  authDifference,
  authTypesFor,
  type RoomEvent,
  type RoomVersionRules,
  resolveState,
  type StateKey,
  splitConflicts,
  stateKeyOf,
} from '@candor/federation';
import { limits } from '@candor/spec';
import { createPace } from '../pace.ts';
import { nameState } from '../storage/room-state.ts';
import { changeStateHash } from '../storage/state-hash.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import type { Resolution } from './resolution-thread.ts';
import { type Room, roomSettings } from './room.ts';
import type { StateSet } from './state-set.ts';

type ResolveContext = Pick<StepContext, 'db' | 'rooms'>;

/** The event ids of each set by state key; `pending` is not stored yet and is named from itself. */
const nameSets = (
  { db }: ResolveContext,
  sets: readonly StateSet[],
  pending: StoredEvent | undefined,
): Promise<readonly Map<StateKey, string>[]> =>
  Promise.all(
    sets.map(async ({ entries }) => {
      const named = await nameState(db, entries);
      const set = new Map(named.map(([key, { eventId }]) => [key, eventId]));
      const isIn = pending && [...entries.values()].includes(pending.eventNid);
      if (isIn && pending.event.stateKey !== undefined) {
        set.set(stateKeyOf(pending.event.type, pending.event.stateKey), pending.event.eventId);
      }
      return set;
    }),
  );

/** What the conflicted events are checked against in the state that all sets agree on. */
const agreedIds = async (
  room: Room,
  events: Iterable<RoomEvent>,
  unconflicted: ReadonlyMap<StateKey, string>,
): Promise<readonly string[]> => {
  const rest = createPace();
  const keys = new Set<StateKey>([roomSettings.create]);
  for (const event of events) {
    for (const key of authTypesFor(event, room.rules)) keys.add(key);
    await rest();
  }
  return [...keys].flatMap((key) => unconflicted.get(key) ?? []);
};

/** Resolved ids as a set of integers, told from the first of the sets it came from. */
const asStateSet = async (
  { rooms }: ResolveContext,
  first: { readonly set: StateSet; readonly named: ReadonlyMap<StateKey, string> },
  resolved: ReadonlyMap<StateKey, string>,
): Promise<StateSet> => {
  const changed = [...resolved].filter(([key, eventId]) => first.named.get(key) !== eventId);
  const gone = [...first.named].filter(([key]) => !resolved.has(key));
  const loaded = await rooms.events.load(changed.map(([, eventId]) => eventId));
  const keyNids = await rooms.stateKeys.intern([...changed, ...gone].map(([key]) => key));
  const entries = new Map(first.set.entries);
  const delta = new Map(first.set.delta);
  let { hash } = first.set;
  const rest = createPace();
  for (const [key, eventId] of gone) {
    const keyNid = keyNids.get(key) ?? 0;
    hash = changeStateHash(hash, eventId, undefined);
    entries.delete(keyNid);
    delta.set(keyNid, 0);
  }
  for (const [key, eventId] of changed) {
    const keyNid = keyNids.get(key) ?? 0;
    const stored = loaded.get(eventId);
    if (!stored) throw new Error(`the resolved state has ${eventId}, which is not stored`);
    await rest();
    hash = changeStateHash(hash, first.named.get(key), eventId);
    entries.set(keyNid, stored.eventNid);
    delta.set(keyNid, stored.eventNid);
  }
  return { entries, hash, near: first.set.near, delta };
};

const resolveHere = (
  { sets, events, rejected, authDifference }: Resolution,
  rules: RoomVersionRules,
): ReadonlyMap<StateKey, string> => {
  const isRejected = new Set(rejected);
  return resolveState(sets, events, rules, {
    isRejected: (eventId) => isRejected.has(eventId),
    authDifference,
  });
};

const resolve = async (
  context: ResolveContext,
  room: Room,
  sets: readonly StateSet[],
  pending: StoredEvent | undefined,
): Promise<StateSet> => {
  const { rooms } = context;
  const rest = createPace();
  const named = await nameSets(context, sets, pending);
  await rest();
  const { unconflicted, conflicted } = splitConflicts(named);
  await rest();
  const conflictedIds = [...conflicted.values()].flatMap((ids) => [...ids]);
  const stateIds = new Set([...unconflicted.values(), ...conflictedIds]);
  const budget = stateIds.size + limits.authChainEventsMax;
  const edges = await rooms.authEdges.walk(stateIds, budget);
  const authEventsOf = (eventId: string) => edges.get(eventId);
  await rest();
  const stored = await rooms.events.load(authChainIds(conflictedIds, authEventsOf));
  const conflictedEvents = [...stored.values()].map((one) => one.event);
  const agreed = await rooms.events.load(await agreedIds(room, conflictedEvents, unconflicted));
  const all = new Map<string, StoredEvent>([...agreed, ...stored]);
  const createEvent = room.settings.get(roomSettings.create);
  const events = new Map([...all].map(([eventId, one]) => [eventId, one.event]));
  if (createEvent) events.set(createEvent.eventId, createEvent);
  await rest();
  const rejected = [...all].flatMap(([eventId, one]) => (one.rejectedFor === null ? [] : eventId));
  const resolution = {
    version: room.rules.version,
    roomId: room.roomId,
    sets: named,
    events,
    rejected,
    authDifference: authDifference(named, authEventsOf),
  };
  await rest();
  const isLarge = stored.size > limits.resolvedInTurnEventsMax;
  const resolved = isLarge
    ? await rooms.resolutionThread.resolve(resolution)
    : resolveHere(resolution, room.rules);
  await rest();
  const [set] = sets;
  const [first] = named;
  if (!set || !first) throw new Error('nothing to resolve');
  return asStateSet(context, { set, named: first }, resolved);
};

const isSame = (one: StateSet, other: StateSet): boolean =>
  one.hash === other.hash &&
  one.entries.size === other.entries.size &&
  [...one.entries].every(([key, event]) => other.entries.get(key) === event);

/**
 * One state out of several; sets that are equal count once. `pending` may be in them before it is stored.
 * Throws `AuthChainTooLong`.
 */
// https://spec.matrix.org/v1.19/server-server-api/#room-state-resolution
export const resolveStateSets = async (
  context: ResolveContext,
  room: Room,
  sets: readonly StateSet[],
  pending?: StoredEvent,
): Promise<StateSet> => {
  const distinct: StateSet[] = [];
  for (const set of sets) {
    if (!distinct.some((other) => isSame(set, other))) distinct.push(set);
  }
  const [first] = distinct;
  if (!first) throw new Error('nothing to resolve');
  if (distinct.length === 1) return first;
  const key = distinct
    .map((set) => `${set.hash}`)
    .sort()
    .join(' ');
  // What the integer of a pending event stands for changes.
  if (pending) return resolve(context, room, distinct, pending);
  return context.rooms.resolvedStates.of(`${room.roomNid} ${key}`, () =>
    resolve(context, room, distinct, undefined),
  );
};
