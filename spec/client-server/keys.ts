import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { authenticationData } from './authentication-data.ts';
import { crossSigningKey, deviceKeys, oneTimeKeys } from './device-keys.ts';

export const uploadKeys = operation({
  id: 'uploadKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/upload',
  summary: "Publishes a device's identity keys, one-time keys and fallback keys.",
  auth: 'accessToken',
  bodyBytesMax: limits.keysBodyBytesMax,
  body: Type.Object({
    device_keys: Type.Optional(deviceKeys),
    one_time_keys: Type.Optional(oneTimeKeys),
    fallback_keys: Type.Optional(oneTimeKeys),
  }),
  response: Type.Object({ one_time_key_counts: field.mapOf(field.count) }),
});

export const queryKeys = operation({
  id: 'queryKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/query',
  summary: 'Gives the device keys and cross-signing keys of users, asking their servers.',
  auth: 'accessToken',
  bodyBytesMax: limits.keysBodyBytesMax,
  body: Type.Object({
    device_keys: field.mapOf(Type.Array(Type.String())),
    timeout: Type.Optional(field.durationMs),
  }),
  response: Type.Object({
    device_keys: field.mapOf(field.mapOf(deviceKeys)),
    failures: Type.Optional(field.mapOf(field.object)),
    master_keys: Type.Optional(field.mapOf(crossSigningKey)),
    self_signing_keys: Type.Optional(field.mapOf(crossSigningKey)),
    user_signing_keys: Type.Optional(field.mapOf(crossSigningKey)),
  }),
});

export const claimKeys = operation({
  id: 'claimKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/claim',
  summary: 'Takes one one-time key of each device asked for, to start a session with it.',
  auth: 'accessToken',
  bodyBytesMax: limits.keysBodyBytesMax,
  body: Type.Object({
    one_time_keys: field.mapOf(field.mapOf(Type.String())),
    timeout: Type.Optional(field.durationMs),
  }),
  response: Type.Object({
    one_time_keys: field.mapOf(field.mapOf(oneTimeKeys)),
    failures: Type.Optional(field.mapOf(field.object)),
  }),
});

export const getKeysChanges = operation({
  id: 'getKeysChanges',
  method: 'GET',
  path: '/_matrix/client/v3/keys/changes',
  summary: 'Lists the users whose devices changed between two sync tokens.',
  auth: 'accessToken',
  query: Type.Object({ from: Type.String(), to: Type.String() }),
  response: Type.Object({ changed: Type.Array(field.userId), left: Type.Array(field.userId) }),
});

export const uploadCrossSigningKeys = operation({
  id: 'uploadCrossSigningKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/device_signing/upload',
  summary: "Publishes the user's cross-signing keys.",
  auth: 'accessToken',
  uia: true,
  body: Type.Object({
    master_key: Type.Optional(crossSigningKey),
    self_signing_key: Type.Optional(crossSigningKey),
    user_signing_key: Type.Optional(crossSigningKey),
    auth: Type.Optional(authenticationData),
  }),
  response: field.empty,
});

export const uploadCrossSigningSignatures = operation({
  id: 'uploadCrossSigningSignatures',
  method: 'POST',
  path: '/_matrix/client/v3/keys/signatures/upload',
  summary: 'Adds signatures to device keys and cross-signing keys.',
  auth: 'accessToken',
  bodyBytesMax: limits.keysBodyBytesMax,
  /** User id → device id or public key → the signed key object. */
  body: field.mapOf(field.mapOf(field.object)),
  response: Type.Object({ failures: Type.Optional(field.mapOf(field.mapOf(field.object))) }),
});
