import type { JsonObject } from '@candor/federation';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import { showState } from './read-state.ts';
import type { Viewer } from './show-events.ts';

/** The member events of the senders of some events, as they were at the last of each. */
// https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
export const lazyMembers = async (
  context: StepContext,
  viewer: Viewer,
  events: readonly StoredEvent[],
): Promise<JsonObject[]> => {
  const { rooms } = context;
  const lastOf = new Map<string, StoredEvent>();
  for (const stored of events) {
    const last = lastOf.get(stored.event.sender);
    if (!last || (last.position ?? 0) < (stored.position ?? 0)) {
      lastOf.set(stored.event.sender, stored);
    }
  }
  const places: { readonly nid: number; readonly keyNid: number }[] = [];
  for (const [sender, { snapshotNid: nid }] of lastOf) {
    if (nid === null) continue;
    places.push({ nid, keyNid: await rooms.stateKeys.internOne('m.room.member', sender) });
  }
  const nids = (await rooms.snapshots.lookEach(places)).filter((nid) => nid !== undefined);
  const members = await rooms.events.loadByNid(nids);
  return showState(context, viewer, [...members.values()]);
};
