import Type from 'typebox';
import { timelineEvent } from '../events/event.ts';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { pushAction } from './push-rule.ts';

const pushkey = Type.String({ minLength: 1, maxLength: 512 });
const appId = Type.String({ minLength: 1, maxLength: 64 });

export const getPushers = operation({
  id: 'getPushers',
  method: 'GET',
  path: '/_matrix/client/v3/pushers',
  summary: "Lists the user's pushers.",
  auth: 'accessToken',
  response: Type.Object({
    pushers: Type.Array(
      Type.Object({
        pushkey,
        kind: Type.String(),
        app_id: appId,
        app_display_name: Type.String(),
        device_display_name: Type.String(),
        lang: Type.String(),
        data: field.object,
        profile_tag: Type.Optional(Type.String()),
      }),
    ),
  }),
});

export const postPusher = operation({
  id: 'postPusher',
  method: 'POST',
  path: '/_matrix/client/v3/pushers/set',
  summary: 'Adds, changes or, with a `kind` of null, removes a pusher.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  body: Type.Object({
    pushkey,
    kind: Type.Union([Type.String(), Type.Null()]),
    app_id: appId,
    app_display_name: Type.Optional(Type.String()),
    device_display_name: Type.Optional(Type.String()),
    lang: Type.Optional(Type.String()),
    data: Type.Optional(
      Type.Object({ url: Type.Optional(Type.String()), format: Type.Optional(Type.String()) }),
    ),
    profile_tag: Type.Optional(Type.String()),
    append: Type.Optional(Type.Boolean()),
  }),
  response: field.empty,
});

export const getNotifications = operation({
  id: 'getNotifications',
  method: 'GET',
  path: '/_matrix/client/v3/notifications',
  summary: 'Pages through the events that the user was notified of.',
  auth: 'accessToken',
  query: Type.Object({
    from: Type.Optional(Type.String()),
    limit: Type.Optional(field.pageSize),
    only: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    notifications: Type.Array(
      Type.Object({
        actions: Type.Array(pushAction),
        event: timelineEvent,
        read: Type.Boolean(),
        room_id: field.roomId,
        ts: field.timestampMs,
        profile_tag: Type.Optional(Type.String()),
      }),
    ),
    next_token: Type.Optional(Type.String()),
  }),
});
