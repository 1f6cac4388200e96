import { isEventId, isRoomId, isUserId, limits, serverNameOf } from '@candor/spec';
import { isObject } from '../json/is-object.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import type { JsonObject } from './room-event.ts';

const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

const fits = (text: string): boolean => Buffer.byteLength(text) <= limits.identifierBytesMax;

const isEventIdList = (value: unknown, max: number): boolean =>
  Array.isArray(value) &&
  value.length <= max &&
  value.every((id) => typeof id === 'string' && isEventId(id));

const isSignatures = (value: unknown): boolean =>
  isObject(value) &&
  Object.values(value).every(
    (own) => isObject(own) && Object.values(own).every((text) => typeof text === 'string'),
  );

/** Room ids have a server name up to room version 11 and are a 43 character hash from 12 on. */
// https://spec.matrix.org/v1.19/appendices/#room-ids
const isRoomIdOf = (roomId: string, rules: RoomVersionRules): boolean =>
  rules.roomIdIsCreateHash
    ? /^![A-Za-z0-9_-]{43}$/.test(roomId)
    : isRoomId(roomId) && serverNameOf(roomId) !== undefined;

const roomIdFault = (
  pdu: JsonObject,
  rules: RoomVersionRules,
  roomId: string | undefined,
): string | undefined => {
  const own = pdu['room_id'];
  if (rules.roomIdIsCreateHash && pdu['type'] === 'm.room.create') {
    return own === undefined ? undefined : 'a create event of this version has no room_id';
  }
  if (typeof own !== 'string' || !isRoomIdOf(own, rules)) return 'room_id is not valid';
  return roomId === undefined || own === roomId ? undefined : 'room_id is another room';
};

/** What is wrong with the shape of an event of this version; undefined when nothing is. Sizes of the whole are not looked at. */
// https://spec.matrix.org/v1.19/rooms/v12/#event-format
export const eventFormatFault = (
  pdu: JsonObject,
  rules: RoomVersionRules,
  roomId?: string,
): string | undefined => {
  const { type, sender, content, state_key: stateKey, depth, redacts, hashes } = pdu;
  if (typeof type !== 'string' || !fits(type)) return 'type is not valid';
  if (typeof sender !== 'string' || !isUserId(sender)) return 'sender is not valid';
  if (!isObject(content)) return 'content is no object';
  if (stateKey !== undefined && (typeof stateKey !== 'string' || !fits(stateKey))) {
    return 'state_key is not valid';
  }
  if (!isInteger(pdu['origin_server_ts'])) return 'origin_server_ts is no integer';
  if (!isInteger(depth) || depth < 0 || depth > limits.depthMax) return 'depth is out of range';
  if (!isEventIdList(pdu['prev_events'], limits.prevEventsMax)) return 'prev_events is not valid';
  if (!isEventIdList(pdu['auth_events'], limits.authEventsMax)) return 'auth_events is not valid';
  if (!isObject(hashes) || typeof hashes['sha256'] !== 'string') return 'hashes has no sha256';
  if (!isSignatures(pdu['signatures'])) return 'signatures is not valid';
  if (!rules.redactsInContent && redacts !== undefined && typeof redacts !== 'string') {
    return 'redacts is not valid';
  }
  return roomIdFault(pdu, rules, roomId);
};
