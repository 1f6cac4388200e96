import { limits } from '@candor/spec';
import { canonicalJson } from '../json/canonical-json.ts';
import { signJson } from '../json/sign-json.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { eventFromPdu } from './event-from-pdu.ts';
import { contentHash, eventIdOf } from './event-hashes.ts';
import { redact } from './redact.ts';
import type { Json, JsonObject, Pdu, RoomEvent } from './room-event.ts';

export type EventTemplate = {
  readonly type: string;
  readonly stateKey?: string;
  readonly sender: string;
  readonly content: JsonObject;
  /** The target of a redaction; put where the room version keeps it. */
  readonly redacts?: string;
};

export type PlaceInRoom = {
  /** Not looked at for the create event of a version whose room ids come from it. */
  readonly roomId: string;
  readonly prevEvents: readonly string[];
  readonly authEvents: readonly string[];
  readonly depth: number;
};

export type EventSigner = {
  readonly serverName: string;
  readonly key: SigningKey;
  readonly originServerTs: number;
};

/** An event of ours beyond `limits.eventBytesMax`. */
export class EventTooLargeError extends Error {
  override readonly name = 'EventTooLargeError';
}

const unsignedPdu = (
  { type, stateKey, sender, content, redacts }: EventTemplate,
  room: PlaceInRoom,
  rules: RoomVersionRules,
  originServerTs: number,
): Pdu => {
  const isRoot = rules.roomIdIsCreateHash && type === 'm.room.create';
  const pdu: Record<string, Json> = {
    auth_events: room.authEvents,
    depth: Math.min(room.depth, limits.depthMax),
    origin_server_ts: originServerTs,
    prev_events: room.prevEvents,
  };
  if (!isRoot) pdu['room_id'] = room.roomId;
  if (stateKey !== undefined) pdu['state_key'] = stateKey;
  if (redacts !== undefined && !rules.redactsInContent) pdu['redacts'] = redacts;
  const target: JsonObject = redacts !== undefined && rules.redactsInContent ? { redacts } : {};
  return { ...pdu, type, sender, content: { ...content, ...target } };
};

/** A copy of a hashed event with this server's signature added: for invites, restricted joins and events of our own. */
// https://spec.matrix.org/v1.19/server-server-api/#adding-hashes-and-signatures-to-outgoing-events
export const signEvent = (
  pdu: Pdu,
  rules: RoomVersionRules,
  serverName: string,
  key: SigningKey,
): Pdu => {
  const signatures = signJson(redact(pdu, rules), serverName, key)['signatures'] as JsonObject;
  return { ...pdu, signatures };
};

/** Makes an event of ours: hash, signature, id. Throws `CanonicalJsonError` and `EventTooLargeError` for what the content asks for. */
export const buildEvent = (
  template: EventTemplate,
  room: PlaceInRoom,
  rules: RoomVersionRules,
  { serverName, key, originServerTs }: EventSigner,
): RoomEvent => {
  const unsigned = unsignedPdu(template, room, rules, originServerTs);
  const hashed: Pdu = { ...unsigned, hashes: { sha256: contentHash(unsigned) } };
  const pdu = signEvent(hashed, rules, serverName, key);
  if (Buffer.byteLength(canonicalJson(pdu, limits.eventJsonDepthMax)) > limits.eventBytesMax) {
    throw new EventTooLargeError(`an event has at most ${limits.eventBytesMax} bytes`);
  }
  const eventId = eventIdOf(pdu, rules);
  const roomId = typeof pdu['room_id'] === 'string' ? pdu['room_id'] : `!${eventId.slice(1)}`;
  return eventFromPdu(pdu, eventId, roomId, rules);
};
