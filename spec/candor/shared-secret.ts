import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';

const path = '/_synapse/admin/v1/register';

export const candorRegisterNonce = operation({
  id: 'candorRegisterNonce',
  method: 'GET',
  path,
  summary: 'Gives a nonce for one registration with the shared secret.',
  auth: 'none',
  rateLimit: 'register',
  response: Type.Object({ nonce: Type.String() }),
});

/** `mac` is the hexadecimal HMAC-SHA1 under the secret of nonce, username, password, `admin` or `notadmin` and, if given, user type, joined by NUL bytes. */
export const candorRegisterWithSharedSecret = operation({
  id: 'candorRegisterWithSharedSecret',
  method: 'POST',
  path,
  summary: 'Makes an account for somebody who knows the shared secret, as Synapse does it.',
  auth: 'none',
  rateLimit: 'register',
  body: Type.Object({
    nonce: Type.String(),
    username: Type.String({ maxLength: limits.identifierBytesMax }),
    password: Type.String({ maxLength: limits.passwordLengthMax }),
    mac: Type.String(),
    admin: Type.Optional(Type.Boolean()),
    user_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    displayname: Type.Optional(Type.String()),
    inhibit_login: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({
    user_id: field.userId,
    home_server: field.serverName,
    access_token: Type.Optional(Type.String()),
    device_id: Type.Optional(field.deviceId),
  }),
});
