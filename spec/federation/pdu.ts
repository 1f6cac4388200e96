import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';

/** An event id; in room versions 1 and 2 a pair of event id and hashes. */
const eventReference = Type.Union([
  field.eventId,
  Type.Tuple([field.eventId, field.mapOf(Type.String())]),
]);

/** An event as servers exchange it. Describes what is sent; what is received is checked by the rules of its room version. */
// https://spec.matrix.org/v1.19/rooms/v11/#event-format
export const pdu = Type.Object({
  /** Missing from the create event of room version 12. */
  room_id: Type.Optional(field.roomId),
  /** Only in room versions 1 and 2. */
  event_id: Type.Optional(field.eventId),
  type: field.eventType,
  state_key: Type.Optional(field.stateKey),
  sender: field.userId,
  origin_server_ts: Type.Integer(),
  content: field.object,
  depth: Type.Integer({ minimum: 0, maximum: limits.depthMax }),
  auth_events: Type.Array(eventReference),
  prev_events: Type.Array(eventReference),
  hashes: Type.Object({ sha256: Type.String() }),
  signatures: field.mapOf(field.mapOf(Type.String())),
  redacts: Type.Optional(field.eventId),
  unsigned: Type.Optional(field.object),
});

const membershipContent = Type.Object({
  membership: Type.String(),
  reason: Type.Optional(Type.String()),
  join_authorised_via_users_server: Type.Optional(field.userId),
});

/** What every membership event must say; the rules of its room version check the rest. As a template it is not yet hashed and signed. */
export const membershipEvent = Type.Object({
  room_id: Type.Optional(field.roomId),
  type: field.eventType,
  state_key: field.stateKey,
  sender: field.userId,
  origin_server_ts: Type.Integer(),
  content: membershipContent,
});

/** A membership event as it is handed back, signed. */
export const membershipPdu = Type.Object({
  ...pdu.properties,
  state_key: field.stateKey,
  content: membershipContent,
});
