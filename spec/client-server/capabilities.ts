import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

const enabled = Type.Object({ enabled: Type.Boolean() });

export const getCapabilities = operation({
  id: 'getCapabilities',
  method: 'GET',
  path: '/_matrix/client/v3/capabilities',
  summary: 'Tells a client what it may do here, and which room versions there are.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  response: Type.Object({
    capabilities: Type.Object({
      'm.change_password': Type.Optional(enabled),
      'm.room_versions': Type.Optional(
        Type.Object({
          default: Type.String(),
          available: field.mapOf(Type.Enum(['stable', 'unstable'])),
        }),
      ),
      'm.set_displayname': Type.Optional(enabled),
      'm.set_avatar_url': Type.Optional(enabled),
      'm.3pid_changes': Type.Optional(enabled),
      'm.get_login_token': Type.Optional(enabled),
      'm.forget_forced_upon_leave': Type.Optional(enabled),
      'm.profile_fields': Type.Optional(
        Type.Object({
          enabled: Type.Boolean(),
          allowed: Type.Optional(Type.Array(Type.String())),
          disallowed: Type.Optional(Type.Array(Type.String())),
        }),
      ),
      'm.account_moderation': Type.Optional(
        Type.Object({
          suspend: Type.Optional(Type.Boolean()),
          lock: Type.Optional(Type.Boolean()),
        }),
      ),
    }),
  }),
});
