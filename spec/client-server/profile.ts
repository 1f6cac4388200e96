import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

/** `displayname`, `avatar_url`, `m.tz` or a name in the namespaced grammar. */
// https://spec.matrix.org/v1.19/appendices/#common-namespaced-identifier-grammar
const keyName = Type.String({
  pattern: '^(avatar_url|displayname|m\\.tz|[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+)$',
});

export const getUserProfile = operation({
  id: 'getUserProfile',
  method: 'GET',
  path: '/_matrix/client/v3/profile/{userId}',
  summary: "Gives a user's whole profile.",
  auth: 'accessTokenOptional',
  params: Type.Object({ userId: field.userId }),
  response: field.object,
});

export const getProfileField = operation({
  id: 'getProfileField',
  method: 'GET',
  path: '/_matrix/client/v3/profile/{userId}/{keyName}',
  summary: "Gives one field of a user's profile.",
  auth: 'accessTokenOptional',
  params: Type.Object({ userId: field.userId, keyName }),
  response: field.object,
});

export const setProfileField = operation({
  id: 'setProfileField',
  method: 'PUT',
  path: '/_matrix/client/v3/profile/{userId}/{keyName}',
  summary: "Sets one field of the user's profile; the body holds it under its own name.",
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ userId: field.userId, keyName }),
  body: field.object,
  response: field.empty,
});

export const deleteProfileField = operation({
  id: 'deleteProfileField',
  method: 'DELETE',
  path: '/_matrix/client/v3/profile/{userId}/{keyName}',
  summary: "Removes one field of the user's profile.",
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: Type.Object({ userId: field.userId, keyName }),
  response: field.empty,
});
