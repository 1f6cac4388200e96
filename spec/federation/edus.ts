import Type from 'typebox';
import { crossSigningKey, deviceKeys } from '../client-server/device-keys.ts';
import { field } from '../fields.ts';

const typing = Type.Object({
  room_id: field.roomId,
  user_id: field.userId,
  typing: Type.Boolean(),
});

const presence = Type.Object({
  push: Type.Array(
    Type.Object({
      user_id: field.userId,
      presence: Type.Enum(['online', 'offline', 'unavailable']),
      last_active_ago: Type.Optional(field.durationMs),
      status_msg: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      currently_active: Type.Optional(Type.Boolean()),
    }),
  ),
});

/** Room id → `m.read` → user id → receipt. */
const receipt = field.mapOf(
  Type.Object({
    'm.read': field.mapOf(
      Type.Object({
        event_ids: Type.Array(field.eventId, { minItems: 1, maxItems: 1 }),
        data: Type.Object({ ts: Type.Integer(), thread_id: Type.Optional(Type.String()) }),
      }),
    ),
  }),
);

const deviceListUpdate = Type.Object({
  user_id: field.userId,
  device_id: field.deviceId,
  stream_id: field.count,
  prev_id: Type.Optional(Type.Array(field.count)),
  deleted: Type.Optional(Type.Boolean()),
  device_display_name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  keys: Type.Optional(deviceKeys),
});

const signingKeyUpdate = Type.Object({
  user_id: field.userId,
  master_key: Type.Optional(crossSigningKey),
  self_signing_key: Type.Optional(crossSigningKey),
});

/** User id → device id or `*` → content. */
const directToDevice = Type.Object({
  sender: field.userId,
  type: field.eventType,
  message_id: field.opaqueId,
  messages: field.mapOf(field.mapOf(field.object)),
});

/** The envelope of every EDU. */
export const edu = Type.Object({ edu_type: field.eventType, content: field.object });

/** Content schema of each EDU type. */
// https://spec.matrix.org/v1.19/server-server-api/#edus
export const eduContent = {
  'm.typing': typing,
  'm.presence': presence,
  'm.receipt': receipt,
  'm.device_list_update': deviceListUpdate,
  'm.signing_key_update': signingKeyUpdate,
  'm.direct_to_device': directToDevice,
} as const;
