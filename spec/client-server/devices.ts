import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { authenticationData } from './authentication-data.ts';

const device = Type.Object({
  device_id: field.deviceId,
  display_name: Type.Optional(Type.String()),
  last_seen_ip: Type.Optional(Type.String()),
  last_seen_ts: Type.Optional(field.timestampMs),
});

export const getDevices = operation({
  id: 'getDevices',
  method: 'GET',
  path: '/_matrix/client/v3/devices',
  summary: "Lists the user's devices.",
  auth: 'accessToken',
  response: Type.Object({ devices: Type.Array(device) }),
});

export const getDevice = operation({
  id: 'getDevice',
  method: 'GET',
  path: '/_matrix/client/v3/devices/{deviceId}',
  summary: "Gives one of the user's devices.",
  auth: 'accessToken',
  params: Type.Object({ deviceId: field.deviceId }),
  response: device,
});

export const updateDevice = operation({
  id: 'updateDevice',
  method: 'PUT',
  path: '/_matrix/client/v3/devices/{deviceId}',
  summary: 'Renames a device.',
  auth: 'accessToken',
  params: Type.Object({ deviceId: field.deviceId }),
  body: Type.Object({
    display_name: Type.Optional(Type.String({ maxLength: limits.deviceDisplayNameLengthMax })),
  }),
  response: field.empty,
});

export const deleteDevice = operation({
  id: 'deleteDevice',
  method: 'DELETE',
  path: '/_matrix/client/v3/devices/{deviceId}',
  summary: 'Removes a device and ends its session.',
  auth: 'accessToken',
  uia: true,
  params: Type.Object({ deviceId: field.deviceId }),
  body: Type.Object({ auth: Type.Optional(authenticationData) }),
  response: field.empty,
});

export const deleteDevices = operation({
  id: 'deleteDevices',
  method: 'POST',
  path: '/_matrix/client/v3/delete_devices',
  summary: 'Removes several devices and ends their sessions.',
  auth: 'accessToken',
  uia: true,
  body: Type.Object({
    devices: Type.Array(field.deviceId),
    auth: Type.Optional(authenticationData),
  }),
  response: field.empty,
});
