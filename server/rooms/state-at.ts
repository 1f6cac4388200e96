import { type StateKey, type StateMap, stateKeyOf } from '@candor/federation';
import { nameState, type StateEntry } from '../storage/room-state.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import type { ReadAccess } from './read-access.ts';

/** The room state just before an event; empty before the create event. */
export const stateBefore = async (
  { db, rooms }: Pick<StepContext, 'db' | 'rooms'>,
  { snapshotNid }: StoredEvent,
): Promise<Map<StateKey, StateEntry>> => {
  const snapshot = snapshotNid === null ? undefined : await rooms.snapshots.load(snapshotNid);
  return new Map(snapshot ? await nameState(db, snapshot.entries) : []);
};

/** The room state just after an event. */
export const stateAfter = async (
  context: Pick<StepContext, 'db' | 'rooms'>,
  stored: StoredEvent,
): Promise<Map<StateKey, StateEntry>> => {
  const state = await stateBefore(context, stored);
  const { type, stateKey, eventId } = stored.event;
  if (stateKey === undefined || stored.rejectedFor !== null) return state;
  const keyNid = await context.rooms.stateKeys.internOne(type, stateKey);
  return state.set(stateKeyOf(type, stateKey), { keyNid, eventNid: stored.eventNid, eventId });
};

/** The state a user may read: the current one, or the one the user left behind. */
export const stateFor = async (
  context: Pick<StepContext, 'db' | 'rooms'>,
  { room, leftBy }: ReadAccess,
): Promise<StateMap<StateEntry>> => (leftBy ? stateAfter(context, leftBy) : room.state);
