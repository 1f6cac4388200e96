import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { syncResponse } from './sync-response.ts';

export const sync = operation({
  id: 'sync',
  method: 'GET',
  path: '/_matrix/client/v3/sync',
  summary: 'Gives what has happened since a token, waiting for something to happen if need be.',
  auth: 'accessToken',
  query: Type.Object({
    filter: Type.Optional(Type.String()),
    since: Type.Optional(Type.String()),
    full_state: Type.Optional(Type.Boolean()),
    set_presence: Type.Optional(Type.Enum(['offline', 'online', 'unavailable'])),
    timeout: Type.Optional(field.durationMs),
    use_state_after: Type.Optional(Type.Boolean()),
  }),
  response: syncResponse,
});
