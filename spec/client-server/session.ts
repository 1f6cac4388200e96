import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { authenticationData, userIdentifier } from './authentication-data.ts';
import { discoveryInformation } from './discovery-information.ts';

const password = Type.String({ maxLength: limits.passwordLengthMax });
const displayName = Type.String({ maxLength: limits.deviceDisplayNameLengthMax });

export const getLoginFlows = operation({
  id: 'getLoginFlows',
  method: 'GET',
  path: '/_matrix/client/v3/login',
  summary: 'Lists the ways to log in.',
  auth: 'none',
  rateLimit: 'ordinary',
  response: Type.Object({
    flows: Type.Array(
      Type.Object({
        type: Type.String(),
        get_login_token: Type.Optional(Type.Boolean()),
      }),
    ),
  }),
});

export const login = operation({
  id: 'login',
  method: 'POST',
  path: '/_matrix/client/v3/login',
  summary: 'Logs a user in and makes or reuses a device.',
  auth: 'none',
  rateLimit: 'login',
  body: Type.Object({
    type: Type.String(),
    identifier: Type.Optional(userIdentifier),
    user: Type.Optional(Type.String()),
    medium: Type.Optional(Type.String()),
    address: Type.Optional(Type.String()),
    password: Type.Optional(password),
    token: Type.Optional(Type.String()),
    device_id: Type.Optional(field.deviceId),
    initial_device_display_name: Type.Optional(displayName),
    refresh_token: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({
    user_id: field.userId,
    access_token: Type.String(),
    device_id: field.deviceId,
    refresh_token: Type.Optional(Type.String()),
    expires_in_ms: Type.Optional(field.durationMs),
    home_server: Type.Optional(field.serverName),
    well_known: Type.Optional(discoveryInformation),
  }),
});

export const generateLoginToken = operation({
  id: 'generateLoginToken',
  method: 'POST',
  path: '/_matrix/client/v1/login/get_token',
  summary: 'Makes a short-lived token that logs in another client of the same user.',
  auth: 'accessToken',
  uia: true,
  rateLimit: 'login',
  body: Type.Object({ auth: Type.Optional(authenticationData) }),
  response: Type.Object({ login_token: Type.String(), expires_in_ms: field.durationMs }),
});

export const refresh = operation({
  id: 'refresh',
  method: 'POST',
  path: '/_matrix/client/v3/refresh',
  summary: 'Changes a refresh token for a new access token.',
  auth: 'none',
  rateLimit: 'login',
  body: Type.Object({ refresh_token: Type.String() }),
  response: Type.Object({
    access_token: Type.String(),
    refresh_token: Type.Optional(Type.String()),
    expires_in_ms: Type.Optional(field.durationMs),
  }),
});

export const logout = operation({
  id: 'logout',
  method: 'POST',
  path: '/_matrix/client/v3/logout',
  summary: 'Ends this session and removes its device.',
  auth: 'accessToken',
  response: field.empty,
});

export const logout_all = operation({
  id: 'logout_all',
  method: 'POST',
  path: '/_matrix/client/v3/logout/all',
  summary: 'Ends every session of the user.',
  auth: 'accessToken',
  response: field.empty,
});

export const getTokenOwner = operation({
  id: 'getTokenOwner',
  method: 'GET',
  path: '/_matrix/client/v3/account/whoami',
  summary: 'Tells whose access token this is.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  response: Type.Object({
    user_id: field.userId,
    device_id: Type.Optional(field.deviceId),
    is_guest: Type.Optional(Type.Boolean()),
  }),
});

export const requestOpenIdToken = operation({
  id: 'requestOpenIdToken',
  method: 'POST',
  path: '/_matrix/client/v3/user/{userId}/openid/request_token',
  summary: 'Makes a token that proves to a third party who the user is.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ userId: field.userId }),
  body: field.object,
  response: Type.Object({
    access_token: Type.String(),
    token_type: Type.String(),
    matrix_server_name: field.serverName,
    expires_in: field.count,
  }),
});
