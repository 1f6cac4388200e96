import Type from 'typebox';
import { clientEvent } from '../events/event.ts';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { roomEventFilter } from './event-filter.ts';

const groupKey = Type.Enum(['room_id', 'sender']);

const roomEventsQuery = Type.Object({
  search_term: Type.String(),
  keys: Type.Optional(Type.Array(Type.Enum(['content.body', 'content.name', 'content.topic']))),
  filter: Type.Optional(roomEventFilter),
  order_by: Type.Optional(Type.Enum(['recent', 'rank'])),
  event_context: Type.Optional(
    Type.Object({
      before_limit: Type.Optional(field.pageSize),
      after_limit: Type.Optional(field.pageSize),
      include_profile: Type.Optional(Type.Boolean()),
    }),
  ),
  include_state: Type.Optional(Type.Boolean()),
  groupings: Type.Optional(
    Type.Object({
      group_by: Type.Optional(Type.Array(Type.Object({ key: Type.Optional(groupKey) }))),
    }),
  ),
});

const resultContext = Type.Object({
  start: Type.Optional(Type.String()),
  end: Type.Optional(Type.String()),
  profile_info: Type.Optional(field.mapOf(field.object)),
  events_before: Type.Optional(Type.Array(clientEvent)),
  events_after: Type.Optional(Type.Array(clientEvent)),
});

const roomEventsFound = Type.Object({
  count: Type.Optional(field.count),
  highlights: Type.Optional(Type.Array(Type.String())),
  results: Type.Optional(
    Type.Array(
      Type.Object({
        rank: Type.Optional(Type.Number()),
        result: Type.Optional(clientEvent),
        context: Type.Optional(resultContext),
      }),
    ),
  ),
  state: Type.Optional(field.mapOf(Type.Array(clientEvent))),
  groups: Type.Optional(
    field.mapOf(
      field.mapOf(
        Type.Object({
          next_batch: Type.Optional(Type.String()),
          order: Type.Optional(Type.Integer()),
          results: Type.Optional(Type.Array(field.eventId)),
        }),
      ),
    ),
  ),
  next_batch: Type.Optional(Type.String()),
});

export const search = operation({
  id: 'search',
  method: 'POST',
  path: '/_matrix/client/v3/search',
  summary: 'Searches the unencrypted events of the rooms the user was in.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  query: Type.Object({ next_batch: Type.Optional(Type.String()) }),
  body: Type.Object({
    search_categories: Type.Object({ room_events: Type.Optional(roomEventsQuery) }),
  }),
  response: Type.Object({
    search_categories: Type.Object({ room_events: Type.Optional(roomEventsFound) }),
  }),
});

export const searchUserDirectory = operation({
  id: 'searchUserDirectory',
  method: 'POST',
  path: '/_matrix/client/v3/user_directory/search',
  summary: 'Searches the users that this user may know of.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  body: Type.Object({ search_term: Type.String(), limit: Type.Optional(field.pageSize) }),
  response: Type.Object({
    results: Type.Array(
      Type.Object({
        user_id: field.userId,
        display_name: Type.Optional(Type.String()),
        avatar_url: Type.Optional(Type.String()),
      }),
    ),
    limited: Type.Boolean(),
  }),
});
