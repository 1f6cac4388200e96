import type { Json, JsonObject, RoomEvent } from './room-event.ts';

export type ClientEventOptions = {
  readonly unsigned?: JsonObject;
  /** Sync answers group events by room and leave the id out. */
  readonly omitRoomId?: boolean;
};

/** The event as the client-server API shows it: `redacts` in both places clients look, nothing of federation. */
// https://spec.matrix.org/v1.19/client-server-api/#room-event-format
export const clientEvent = (
  event: RoomEvent,
  { unsigned, omitRoomId = false }: ClientEventOptions = {},
): JsonObject => {
  const shown: Record<string, Json> = {
    type: event.type,
    event_id: event.eventId,
    sender: event.sender,
    origin_server_ts: event.originServerTs,
    content: event.content,
  };
  if (!omitRoomId) shown['room_id'] = event.roomId;
  if (event.stateKey !== undefined) shown['state_key'] = event.stateKey;
  if (event.redacts !== undefined) {
    shown['redacts'] = event.redacts;
    shown['content'] = { ...event.content, redacts: event.redacts };
  }
  if (unsigned !== undefined) shown['unsigned'] = unsigned;
  return shown;
};

/** What someone outside the room may see of a state event. */
// https://spec.matrix.org/v1.19/client-server-api/#stripped-state
export const strippedState = (event: RoomEvent): JsonObject => ({
  type: event.type,
  state_key: event.stateKey ?? '',
  sender: event.sender,
  content: event.content,
});
