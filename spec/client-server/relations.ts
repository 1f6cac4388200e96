import Type from 'typebox';
import { clientEvent } from '../events/event.ts';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

const toEvent = { roomId: field.roomId, eventId: field.eventId };
const relType = Type.String({ minLength: 1 });

const query = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  limit: Type.Optional(field.pageSize),
  dir: Type.Optional(Type.Enum(['b', 'f'])),
  recurse: Type.Optional(Type.Boolean()),
});

const response = Type.Object({
  chunk: Type.Array(clientEvent),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  recursion_depth: Type.Optional(field.count),
});

export const getRelatingEvents = operation({
  id: 'getRelatingEvents',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}',
  summary: 'Lists the events that relate to an event.',
  auth: 'accessToken',
  params: Type.Object(toEvent),
  query,
  response,
});

export const getRelatingEventsWithRelType = operation({
  id: 'getRelatingEventsWithRelType',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}',
  summary: 'Lists the events that relate to an event in one way.',
  auth: 'accessToken',
  params: Type.Object({ ...toEvent, relType }),
  query,
  response,
});

export const getRelatingEventsWithRelTypeAndEventType = operation({
  id: 'getRelatingEventsWithRelTypeAndEventType',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}',
  summary: 'Lists the events of one type that relate to an event in one way.',
  auth: 'accessToken',
  params: Type.Object({ ...toEvent, relType, eventType: field.eventType }),
  query,
  response,
});

export const getThreadRoots = operation({
  id: 'getThreadRoots',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/threads',
  summary: 'Lists the threads of a room by their first events.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  params: Type.Object({ roomId: field.roomId }),
  query: Type.Object({
    include: Type.Optional(Type.Enum(['all', 'participated'])),
    limit: Type.Optional(field.pageSize),
    from: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    chunk: Type.Array(clientEvent),
    next_batch: Type.Optional(Type.String()),
  }),
});
