import Type from 'typebox';
import { clientEvent } from '../events/event.ts';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

const eventSent = Type.Object({ event_id: field.eventId });
const inRoom = Type.Object({ roomId: field.roomId });

export const sendMessage = operation({
  id: 'sendMessage',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
  summary: 'Sends a message event; the same transaction id gives the same event.',
  auth: 'accessToken',
  rateLimit: 'send',
  params: Type.Object({
    ...inRoom.properties,
    eventType: field.eventType,
    txnId: field.transactionId,
  }),
  /** Only application services may set the time. */
  query: Type.Object({ ts: Type.Optional(field.timestampMs) }),
  body: field.object,
  response: eventSent,
});

export const redactEvent = operation({
  id: 'redactEvent',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}',
  summary: 'Strips an event of its content.',
  auth: 'accessToken',
  rateLimit: 'send',
  params: Type.Object({
    ...inRoom.properties,
    eventId: field.eventId,
    txnId: field.transactionId,
  }),
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  response: eventSent,
});

export const setRoomStateWithKey = operation({
  id: 'setRoomStateWithKey',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
  summary:
    'Sets one entry of the room state; with an empty state key the last slash may be missing.',
  auth: 'accessToken',
  rateLimit: 'send',
  params: Type.Object({
    ...inRoom.properties,
    eventType: field.eventType,
    stateKey: field.stateKey,
  }),
  query: Type.Object({ ts: Type.Optional(field.timestampMs) }),
  body: field.object,
  response: eventSent,
});

export const getRoomState = operation({
  id: 'getRoomState',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/state',
  summary: 'Gives the whole state of a room.',
  auth: 'accessToken',
  params: inRoom,
  response: Type.Array(clientEvent),
});

export const getRoomStateWithKey = operation({
  id: 'getRoomStateWithKey',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
  summary: 'Gives the content, or with `format=event` the whole event, of one entry of the state.',
  auth: 'accessToken',
  params: Type.Object({
    ...inRoom.properties,
    eventType: field.eventType,
    stateKey: field.stateKey,
  }),
  query: Type.Object({ format: Type.Optional(Type.Enum(['content', 'event'])) }),
  response: field.object,
});

export const getOneRoomEvent = operation({
  id: 'getOneRoomEvent',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/event/{eventId}',
  summary: 'Gives one event that the user may see.',
  auth: 'accessToken',
  params: Type.Object({ ...inRoom.properties, eventId: field.eventId }),
  response: clientEvent,
});

export const getRoomEvents = operation({
  id: 'getRoomEvents',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/messages',
  summary: 'Pages through the events of a room.',
  auth: 'accessToken',
  params: inRoom,
  query: Type.Object({
    dir: Type.Enum(['b', 'f']),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    limit: Type.Optional(field.pageSize),
    filter: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    start: Type.String(),
    end: Type.Optional(Type.String()),
    chunk: Type.Array(clientEvent),
    state: Type.Optional(Type.Array(clientEvent)),
  }),
});

export const getEventContext = operation({
  id: 'getEventContext',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/context/{eventId}',
  summary: 'Gives an event with what came before and after it.',
  auth: 'accessToken',
  params: Type.Object({ ...inRoom.properties, eventId: field.eventId }),
  query: Type.Object({
    limit: Type.Optional(field.pageSize),
    filter: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    start: Type.Optional(Type.String()),
    end: Type.Optional(Type.String()),
    event: clientEvent,
    events_before: Type.Array(clientEvent),
    events_after: Type.Array(clientEvent),
    state: Type.Array(clientEvent),
  }),
});

export const getEventByTimestamp = operation({
  id: 'getEventByTimestamp',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/timestamp_to_event',
  summary: 'Finds the event nearest to a time.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  params: inRoom,
  query: Type.Object({ ts: field.timestampMs, dir: Type.Enum(['f', 'b']) }),
  response: Type.Object({ event_id: field.eventId, origin_server_ts: Type.Integer() }),
});
