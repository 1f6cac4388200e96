import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { authenticationData } from './authentication-data.ts';

const password = Type.String({ maxLength: limits.passwordLengthMax });

export const register = operation({
  id: 'register',
  method: 'POST',
  path: '/_matrix/client/v3/register',
  summary: 'Makes an account, and unless asked not to, a first session.',
  auth: 'none',
  uia: true,
  rateLimit: 'register',
  query: Type.Object({ kind: Type.Optional(Type.Enum(['guest', 'user'])) }),
  body: Type.Object({
    auth: Type.Optional(authenticationData),
    username: Type.Optional(Type.String({ maxLength: limits.identifierBytesMax })),
    password: Type.Optional(password),
    device_id: Type.Optional(field.deviceId),
    initial_device_display_name: Type.Optional(
      Type.String({ maxLength: limits.deviceDisplayNameLengthMax }),
    ),
    inhibit_login: Type.Optional(Type.Boolean()),
    refresh_token: Type.Optional(Type.Boolean()),
    /** `m.login.application_service` stands here and not in `auth`. */
    type: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    user_id: field.userId,
    access_token: Type.Optional(Type.String()),
    device_id: Type.Optional(field.deviceId),
    refresh_token: Type.Optional(Type.String()),
    expires_in_ms: Type.Optional(field.durationMs),
    home_server: Type.Optional(field.serverName),
  }),
});

export const checkUsernameAvailability = operation({
  id: 'checkUsernameAvailability',
  method: 'GET',
  path: '/_matrix/client/v3/register/available',
  summary: 'Tells whether a user name is free and allowed.',
  auth: 'none',
  rateLimit: 'register',
  query: Type.Object({ username: Type.String() }),
  response: Type.Object({ available: Type.Boolean() }),
});

export const registrationTokenValidity = operation({
  id: 'registrationTokenValidity',
  method: 'GET',
  path: '/_matrix/client/v1/register/m.login.registration_token/validity',
  summary: 'Tells whether a registration token can be used.',
  auth: 'none',
  rateLimit: 'register',
  query: Type.Object({ token: Type.String() }),
  response: Type.Object({ valid: Type.Boolean() }),
});

export const changePassword = operation({
  id: 'changePassword',
  method: 'POST',
  path: '/_matrix/client/v3/account/password',
  summary: "Changes the user's password and, unless asked not to, ends the other sessions.",
  auth: 'accessTokenOptional',
  uia: true,
  rateLimit: 'login',
  body: Type.Object({
    new_password: password,
    logout_devices: Type.Optional(Type.Boolean()),
    auth: Type.Optional(authenticationData),
  }),
  response: field.empty,
});

export const deactivateAccount = operation({
  id: 'deactivateAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/deactivate',
  summary: 'Closes the account for good.',
  auth: 'accessTokenOptional',
  uia: true,
  rateLimit: 'login',
  body: Type.Object({
    auth: Type.Optional(authenticationData),
    id_server: Type.Optional(Type.String()),
    erase: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({ id_server_unbind_result: Type.Enum(['success', 'no-support']) }),
});

export const getAccount3PIDs = operation({
  id: 'getAccount3PIDs',
  method: 'GET',
  path: '/_matrix/client/v3/account/3pid',
  summary: 'Lists the e-mail addresses and telephone numbers of the account.',
  auth: 'accessToken',
  response: Type.Object({
    threepids: Type.Array(
      Type.Object({
        medium: Type.Enum(['email', 'msisdn']),
        address: Type.String(),
        validated_at: field.timestampMs,
        added_at: field.timestampMs,
      }),
    ),
  }),
});
