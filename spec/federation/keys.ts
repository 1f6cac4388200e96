import Type from 'typebox';
import { crossSigningKey, deviceKeys, oneTimeKeys } from '../client-server/device-keys.ts';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';

export const queryUserEncryptionKeys = operation({
  id: 'queryUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/query',
  summary: 'Gives the device keys and cross-signing keys of users of this server.',
  auth: 'signedRequest',
  bodyBytesMax: limits.keysBodyBytesMax,
  body: Type.Object({ device_keys: field.mapOf(Type.Array(Type.String())) }),
  response: Type.Object({
    device_keys: field.mapOf(field.mapOf(deviceKeys)),
    master_keys: Type.Optional(field.mapOf(crossSigningKey)),
    self_signing_keys: Type.Optional(field.mapOf(crossSigningKey)),
  }),
});

export const claimUserEncryptionKeys = operation({
  id: 'claimUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/claim',
  summary: 'Takes one one-time key of each device asked for.',
  auth: 'signedRequest',
  bodyBytesMax: limits.keysBodyBytesMax,
  body: Type.Object({ one_time_keys: field.mapOf(field.mapOf(Type.String())) }),
  response: Type.Object({ one_time_keys: field.mapOf(field.mapOf(oneTimeKeys)) }),
});

export const getUserDevices = operation({
  id: 'getUserDevices',
  method: 'GET',
  path: '/_matrix/federation/v1/user/devices/{userId}',
  summary: 'Gives all devices of a user of this server, with the position of the list.',
  auth: 'signedRequest',
  params: Type.Object({ userId: field.userId }),
  response: Type.Object({
    user_id: field.userId,
    stream_id: field.count,
    devices: Type.Array(
      Type.Object({
        device_id: field.deviceId,
        keys: deviceKeys,
        device_display_name: Type.Optional(Type.String()),
      }),
    ),
    master_key: Type.Optional(crossSigningKey),
    self_signing_key: Type.Optional(crossSigningKey),
  }),
});
