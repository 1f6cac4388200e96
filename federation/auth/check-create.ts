import { isUserId, serverNameOf } from '@candor/spec';
import type { RoomEvent, Verdict } from '../events/room-event.ts';
import { type RoomVersionRules, roomVersionRules } from '../room-versions/rules.ts';
import { allowed, refused } from './verdicts.ts';

const checkRoomId = (event: RoomEvent, rules: RoomVersionRules): Verdict => {
  if (rules.roomIdIsCreateHash) {
    return event.pdu['room_id'] === undefined
      ? allowed
      : refused('1.2', 'the create event has a room_id');
  }
  return serverNameOf(event.roomId) === serverNameOf(event.sender)
    ? allowed
    : refused('1.2', 'the room id is of another server than the sender');
};

const isUserIdList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && isUserId(item));

/** Rule 1: what a create event must be; it depends on no state. */
// https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
export const checkCreate = (event: RoomEvent, rules: RoomVersionRules): Verdict => {
  const { content } = event;
  // Not in the list, but a room has one create event and its state key is empty.
  if (event.stateKey !== '') return refused('1', 'the create event is not at the empty state key');
  if (event.prevEvents.length > 0) return refused('1.1', 'the create event has prev_events');
  const roomId = checkRoomId(event, rules);
  if (!roomId.allowed) return roomId;
  const version = content['room_version'];
  if (
    version !== undefined &&
    (typeof version !== 'string' || roomVersionRules(version) === undefined)
  ) {
    return refused('1.3', 'room_version is not recognised');
  }
  if (rules.creatorInContent && content['creator'] === undefined) {
    return refused('1.4', 'content has no creator');
  }
  const more = content['additional_creators'];
  if (rules.creatorsInfinite && more !== undefined && !isUserIdList(more)) {
    return refused('1.4', 'additional_creators is no list of user ids');
  }
  return allowed;
};
