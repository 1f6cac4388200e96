import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { serverKeysResponse } from './server-keys-response.ts';

const minimum_valid_until_ts = Type.Optional(field.timestampMs);
const notarised = Type.Object({ server_keys: Type.Array(serverKeysResponse) });

export const getServerKey = operation({
  id: 'getServerKey',
  method: 'GET',
  path: '/_matrix/key/v2/server',
  summary: 'Publishes the signing keys of this server.',
  auth: 'none',
  response: serverKeysResponse,
});

export const perspectivesKeyQuery = operation({
  id: 'perspectivesKeyQuery',
  method: 'GET',
  path: '/_matrix/key/v2/query/{serverName}',
  summary: 'Gives the keys of another server, countersigned by this one.',
  auth: 'none',
  rateLimit: 'expensive',
  params: Type.Object({ serverName: field.serverName }),
  query: Type.Object({ minimum_valid_until_ts }),
  response: notarised,
});

export const bulkPerspectivesKeyQuery = operation({
  id: 'bulkPerspectivesKeyQuery',
  method: 'POST',
  path: '/_matrix/key/v2/query',
  summary: 'Gives the keys of several servers, countersigned by this one.',
  auth: 'none',
  rateLimit: 'expensive',
  /** Server name → key id (or none for all keys) → how long the answer must be valid. */
  body: Type.Object({
    server_keys: field.mapOf(field.mapOf(Type.Object({ minimum_valid_until_ts }))),
  }),
  response: notarised,
});
