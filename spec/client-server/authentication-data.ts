import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';

/** Who somebody says they are: a user name or id, an address known to the server, a telephone number. */
// https://spec.matrix.org/v1.19/client-server-api/#identifier-types
export const userIdentifier = Type.Object({
  type: Type.String(),
  user: Type.Optional(Type.String()),
  medium: Type.Optional(Type.String()),
  address: Type.Optional(Type.String()),
  country: Type.Optional(Type.String()),
  phone: Type.Optional(Type.String()),
});

/** One stage of user-interactive authentication; which fields are there depends on `type`. */
// https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
export const authenticationData = Type.Object({
  type: Type.Optional(Type.String()),
  session: Type.Optional(Type.String()),
  identifier: Type.Optional(userIdentifier),
  user: Type.Optional(Type.String()),
  password: Type.Optional(Type.String({ maxLength: limits.passwordLengthMax })),
  token: Type.Optional(Type.String()),
  response: Type.Optional(Type.String()),
  threepid_creds: Type.Optional(field.object),
});

/** The 401 answer that asks for another stage. */
export const authenticationResponse = Type.Object({
  flows: Type.Array(Type.Object({ stages: Type.Array(Type.String()) })),
  params: Type.Optional(field.mapOf(field.object)),
  session: Type.Optional(Type.String()),
  completed: Type.Optional(Type.Array(Type.String())),
  errcode: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
});
