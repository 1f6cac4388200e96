import {
  authTypesFor,
  buildEvent,
  CanonicalJsonError,
  checkAuth,
  type EventTemplate,
  EventTooLargeError,
  type RoomEvent,
  type StateKey,
} from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { StepContext } from './place-event.ts';
import { type Room, roomSettings } from './room.ts';
import { StateUnreadable } from './state-unreadable.ts';

/** What acting in rooms as a user of ours needs. */
export type RoomContext = StepContext & {
  readonly federation: Pick<Context['federation'], 'signingKey' | 'client'>;
};

/** What the next event of a room is built on. */
export type RoomToBuildOn = Pick<
  Room,
  'roomId' | 'rules' | 'extremities' | 'depth' | 'settings' | 'state'
>;

/** The current state that an event is authorised by. */
export const readAuthState = async (
  { rooms }: StepContext,
  room: RoomToBuildOn,
  keys: readonly StateKey[],
): Promise<ReadonlyMap<StateKey, RoomEvent>> => {
  const ids = new Map<string, StateKey>();
  const state = new Map<StateKey, RoomEvent>();
  for (const key of keys) {
    const setting = room.settings.get(key);
    const entry = setting ? undefined : room.state.get(key);
    if (setting) state.set(key, setting);
    if (entry) ids.set(entry.eventId, key);
  }
  const loaded = await rooms.events.load(ids.keys());
  if (loaded.size < ids.size) throw new StateUnreadable(room.roomId);
  for (const [eventId, stored] of loaded) {
    const key = ids.get(eventId);
    if (key !== undefined) state.set(key, stored.event);
  }
  return state;
};

const sign = (
  { config, federation, now }: RoomContext,
  room: RoomToBuildOn,
  template: EventTemplate,
  authEvents: readonly string[],
): RoomEvent => {
  try {
    return buildEvent(
      template,
      {
        roomId: room.roomId,
        prevEvents: room.extremities.slice(-limits.prevEventsMax),
        authEvents,
        depth: room.depth + 1,
      },
      room.rules,
      { serverName: config.serverName, key: federation.signingKey, originServerTs: now() },
    );
  } catch (cause) {
    if (cause instanceof EventTooLargeError) {
      throw new MatrixError('M_TOO_LARGE', cause.message, { cause });
    }
    if (cause instanceof CanonicalJsonError) {
      throw new MatrixError('M_BAD_JSON', cause.message, { cause });
    }
    throw cause;
  }
};

/**
 * Makes the next event of a room: built on its forward extremities, authorised by its current state, signed.
 * Only the room's writer calls it. Throws M_FORBIDDEN with the rule's reason, M_TOO_LARGE, M_BAD_JSON.
 */
export const buildRoomEvent = async (
  context: RoomContext,
  room: RoomToBuildOn,
  template: EventTemplate,
): Promise<RoomEvent> => {
  const keys = authTypesFor(template, room.rules);
  const state = await readAuthState(context, room, [...keys, roomSettings.create]);
  const authEvents = keys.flatMap((key) => state.get(key)?.eventId ?? []);
  const event = sign(context, room, template, authEvents);
  const verdict = checkAuth(event, state, room.rules);
  if (!verdict.allowed) throw new MatrixError('M_FORBIDDEN', verdict.reason);
  return event;
};
