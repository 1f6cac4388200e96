import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

export const getWellKnown = operation({
  id: 'getWellKnown',
  method: 'GET',
  path: '/.well-known/matrix/server',
  summary: 'Tells other servers where the homeserver of a domain is.',
  auth: 'none',
  response: Type.Object({ 'm.server': field.serverName }),
});

export const getVersion = operation({
  id: 'getVersion',
  method: 'GET',
  path: '/_matrix/federation/v1/version',
  summary: 'Names the server software and its version.',
  auth: 'none',
  response: Type.Object({
    server: Type.Object({ name: Type.String(), version: Type.String() }),
  }),
});

export const askPolicyServerToSign = operation({
  id: 'askPolicyServerToSign',
  method: 'POST',
  path: '/_matrix/policy/v1/sign',
  summary: 'Asks the policy server of a room to sign an event before it is sent.',
  auth: 'signedRequest',
  rateLimit: 'ordinary',
  body: field.object,
  /** Server name → key id → signature. */
  response: field.mapOf(field.mapOf(Type.String())),
});
