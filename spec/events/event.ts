import Type from 'typebox';
import { field } from '../fields.ts';

const unsigned = Type.Object({
  age: Type.Optional(Type.Integer()),
  membership: Type.Optional(Type.String()),
  prev_content: Type.Optional(field.object),
  redacted_because: Type.Optional(field.object),
  replaces_state: Type.Optional(field.eventId),
  transaction_id: Type.Optional(Type.String()),
  'm.relations': Type.Optional(field.object),
});

/** An event outside any room: account data, presence, typing, receipts. */
export const basicEvent = Type.Object({ type: field.eventType, content: field.object });

/** An event as `/sync` gives it, inside a room that is named around it. */
// https://spec.matrix.org/v1.19/client-server-api/#room-event-format
export const timelineEvent = Type.Object({
  ...basicEvent.properties,
  event_id: field.eventId,
  sender: field.userId,
  origin_server_ts: Type.Integer(),
  state_key: Type.Optional(field.stateKey),
  unsigned: Type.Optional(unsigned),
});

/** An event as every other endpoint gives it. */
export const clientEvent = Type.Object({ ...timelineEvent.properties, room_id: field.roomId });
