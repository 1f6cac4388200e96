import { type RoomEvent, stateKeyOf } from '@candor/federation';
import { serverNameOf } from '@candor/spec';
import { DatabaseUnavailable } from '../storage/database-unavailable.ts';
import { type Placement, placeEvent, type Step, type StepContext } from './place-event.ts';
import type { Room } from './room.ts';
import type { Transaction } from './sent-transactions.ts';
import { readStrippedState } from './stripped-state.ts';

/** What an event does to an entry of state, or to nothing. */
type Effects = Pick<
  Placement,
  'stateKeyNid' | 'nextSnapshotNid' | 'strippedState' | 'target' | 'redactedBy'
>;

const strippedStateFor = async (
  { config, rooms }: StepContext,
  room: Room,
  { type, stateKey, sender, content }: RoomEvent,
): Promise<string | null> => {
  const isShown = content['membership'] === 'invite' || content['membership'] === 'knock';
  if (type !== 'm.room.member' || stateKey === undefined || !isShown) return null;
  if (serverNameOf(stateKey) !== config.serverName) return null;
  return JSON.stringify(await readStrippedState(room, rooms.events, sender));
};

/** Everything that has to be read before the room may change. */
export const readEffects = async (
  context: StepContext,
  room: Room,
  event: RoomEvent,
): Promise<Effects> => {
  const { events, stateKeys, snapshotNids } = context.rooms;
  const { type, stateKey, redacts, eventId } = event;
  const waiting = await events.load(room.waitingRedactions.get(eventId) ?? []);
  return {
    stateKeyNid: stateKey === undefined ? null : await stateKeys.internOne(type, stateKey),
    nextSnapshotNid: stateKey === undefined ? 0 : await snapshotNids.take(),
    strippedState: await strippedStateFor(context, room, event),
    target: redacts === undefined ? undefined : await events.loadOne(redacts),
    redactedBy: [...waiting.values()].map((stored) => stored.event),
  };
};

/**
 * The checked event joins the room as its newest: the state before it is the room's current state, and it names all
 * forward extremities it takes the place of. Only the room's writer calls it; the answer goes to `commitSteps`.
 */
export const appendEvent = async (
  context: StepContext,
  room: Room,
  event: RoomEvent,
  transaction?: Transaction,
): Promise<Step> => {
  const effects = await readEffects(context, room, event);
  // From here on nothing waits, so that nobody sees half of it.
  if (room.isStale) throw new DatabaseUnavailable('a write before this one failed');
  const { type, stateKey, eventId } = event;
  const isState = stateKey !== undefined && effects.stateKeyNid !== null;
  const named = new Set(event.prevEvents);
  return placeEvent(context, room, {
    ...effects,
    event,
    snapshotNid: room.head?.nid ?? null,
    changes: isState
      ? [{ key: stateKeyOf(type, stateKey), keyNid: effects.stateKeyNid, to: 'own' }]
      : [],
    extremities: [...room.extremities.filter((id) => !named.has(id)), eventId],
    isSoftFailed: false,
    transaction,
  });
};
