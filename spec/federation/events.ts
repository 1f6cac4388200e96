import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { pdu } from './pdu.ts';
import { pduList } from './transaction.ts';

const inRoom = Type.Object({ roomId: field.roomId });
const atEvent = Type.Object({ event_id: field.eventId });

export const getEvent = operation({
  id: 'getEvent',
  method: 'GET',
  path: '/_matrix/federation/v1/event/{eventId}',
  summary: 'Gives one event.',
  auth: 'signedRequest',
  params: Type.Object({ eventId: field.eventId }),
  response: pduList,
});

export const getRoomState = operation({
  id: 'getRoomState',
  method: 'GET',
  path: '/_matrix/federation/v1/state/{roomId}',
  summary: 'Gives the state of a room before an event, with its auth chain.',
  auth: 'signedRequest',
  rateLimit: 'expensive',
  params: inRoom,
  query: atEvent,
  response: Type.Object({ auth_chain: Type.Array(pdu), pdus: Type.Array(pdu) }),
});

export const getRoomStateIds = operation({
  id: 'getRoomStateIds',
  method: 'GET',
  path: '/_matrix/federation/v1/state_ids/{roomId}',
  summary: 'The same as event ids only.',
  auth: 'signedRequest',
  rateLimit: 'expensive',
  params: inRoom,
  query: atEvent,
  response: Type.Object({
    auth_chain_ids: Type.Array(field.eventId),
    pdu_ids: Type.Array(field.eventId),
  }),
});

export const getEventAuth = operation({
  id: 'getEventAuth',
  method: 'GET',
  path: '/_matrix/federation/v1/event_auth/{roomId}/{eventId}',
  summary: 'Gives the auth chain of an event.',
  auth: 'signedRequest',
  rateLimit: 'expensive',
  params: Type.Object({ roomId: field.roomId, eventId: field.eventId }),
  response: Type.Object({ auth_chain: Type.Array(pdu) }),
});

export const backfillRoom = operation({
  id: 'backfillRoom',
  method: 'GET',
  path: '/_matrix/federation/v1/backfill/{roomId}',
  summary: 'Gives events that came before others.',
  auth: 'signedRequest',
  rateLimit: 'expensive',
  params: inRoom,
  query: Type.Object({
    v: Type.Array(field.eventId, { minItems: 1, maxItems: limits.prevEventsMax }),
    limit: field.pageSize,
  }),
  response: pduList,
});

export const getMissingPreviousEvents = operation({
  id: 'getMissingPreviousEvents',
  method: 'POST',
  path: '/_matrix/federation/v1/get_missing_events/{roomId}',
  summary: 'Gives the events between what a server has and what it was sent.',
  auth: 'signedRequest',
  rateLimit: 'expensive',
  params: inRoom,
  body: Type.Object({
    earliest_events: Type.Array(field.eventId),
    latest_events: Type.Array(field.eventId),
    limit: Type.Optional(field.pageSize),
    min_depth: Type.Optional(Type.Integer()),
  }),
  response: Type.Object({ events: Type.Array(pdu) }),
});

export const getEventByTimestamp = operation({
  id: 'getEventByTimestamp',
  method: 'GET',
  path: '/_matrix/federation/v1/timestamp_to_event/{roomId}',
  summary: 'Finds the event nearest to a time.',
  auth: 'signedRequest',
  rateLimit: 'expensive',
  params: inRoom,
  query: Type.Object({ ts: field.timestampMs, dir: Type.Enum(['f', 'b']) }),
  response: Type.Object({ event_id: field.eventId, origin_server_ts: Type.Integer() }),
});
