import { type JsonObject, stateKeyOf } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import type { StateEntry } from '../storage/room-state.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import { readAccess } from './read-access.ts';
import { showEvents, type Viewer } from './show-events.ts';
import { stateFor } from './state-at.ts';

/** State events as clients see them: whoever may read the state may see all of it. */
export const showState = (
  context: StepContext,
  viewer: Viewer,
  events: readonly StoredEvent[],
): Promise<JsonObject[]> =>
  showEvents(
    context,
    viewer,
    events.map((stored) => ({ stored })),
    { omitReplaced: true },
  );

const loadEntries = async (
  { rooms }: StepContext,
  entries: Iterable<StateEntry>,
): Promise<StoredEvent[]> => {
  const loaded = await rooms.events.load([...entries].map((entry) => entry.eventId));
  return [...loaded.values()];
};

/** The whole state that the user may read. Throws M_FORBIDDEN. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate
export const readState = async (
  context: StepContext,
  viewer: Viewer,
  roomId: string,
): Promise<JsonObject[]> => {
  const access = await readAccess(context, roomId, viewer.userId);
  const state = await stateFor(context, access);
  return showState(context, viewer, await loadEntries(context, state.values()));
};

/** One entry of the state that the user may read. Throws M_FORBIDDEN, M_NOT_FOUND. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey
export const readStateEvent = async (
  context: StepContext,
  viewer: Viewer,
  roomId: string,
  type: string,
  stateKey: string,
): Promise<JsonObject> => {
  const access = await readAccess(context, roomId, viewer.userId);
  const entry = (await stateFor(context, access)).get(stateKeyOf(type, stateKey));
  const stored = entry && (await context.rooms.events.loadOne(entry.eventId));
  const [shown] = stored ? await showState(context, viewer, [stored]) : [];
  if (!shown) throw new MatrixError('M_NOT_FOUND', 'the room has no such state');
  return shown;
};
