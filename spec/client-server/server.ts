import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { discoveryInformation } from './discovery-information.ts';

export const getVersions = operation({
  id: 'getVersions',
  method: 'GET',
  path: '/_matrix/client/versions',
  summary: 'Lists the specification versions and unstable features of the server.',
  auth: 'accessTokenOptional',
  response: Type.Object({
    versions: Type.Array(Type.String()),
    unstable_features: Type.Optional(field.mapOf(Type.Boolean())),
  }),
});

export const getWellknown = operation({
  id: 'getWellknown',
  method: 'GET',
  path: '/.well-known/matrix/client',
  summary: 'Tells clients where the homeserver of a domain is.',
  auth: 'none',
  response: discoveryInformation,
});

export const getWellknownSupport = operation({
  id: 'getWellknownSupport',
  method: 'GET',
  path: '/.well-known/matrix/support',
  summary: 'Tells whom to write to about this server.',
  auth: 'none',
  response: Type.Object({
    contacts: Type.Optional(
      Type.Array(
        Type.Object({
          role: Type.String(),
          matrix_id: Type.Optional(field.userId),
          email_address: Type.Optional(Type.String()),
        }),
      ),
    ),
    support_page: Type.Optional(Type.String()),
  }),
});

export const getWellknownPolicy = operation({
  id: 'getWellknownPolicy',
  method: 'GET',
  path: '/.well-known/matrix/policy_server',
  summary: 'Gives the public keys of the policy server at this name.',
  auth: 'none',
  response: Type.Object({ public_keys: Type.Object({ ed25519: Type.String() }) }),
});

export const getTurnServer = operation({
  id: 'getTurnServer',
  method: 'GET',
  path: '/_matrix/client/v3/voip/turnServer',
  summary: 'Gives short-lived credentials for the TURN servers; without any, an empty object.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  response: Type.Union([
    Type.Object({
      username: Type.String(),
      password: Type.String(),
      uris: Type.Array(Type.String()),
      ttl: field.count,
    }),
    // A server without TURN servers; the specification has no word for it, and clients know this one.
    Type.Object({}, { additionalProperties: false }),
  ]),
});

export const getProtocols = operation({
  id: 'getProtocols',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/protocols',
  summary: 'Lists the third-party networks that bridges of this server reach.',
  auth: 'accessToken',
  response: field.mapOf(
    Type.Object({
      user_fields: Type.Array(Type.String()),
      location_fields: Type.Array(Type.String()),
      icon: Type.String(),
      field_types: field.mapOf(Type.Object({ regexp: Type.String(), placeholder: Type.String() })),
      instances: Type.Array(
        Type.Object({
          desc: Type.String(),
          network_id: Type.String(),
          fields: field.object,
          icon: Type.Optional(Type.String()),
          instance_id: Type.Optional(Type.String()),
        }),
      ),
    }),
  ),
});
