import Type from 'typebox';
import { basicEvent, timelineEvent } from '../events/event.ts';
import { strippedState } from '../events/stripped-state.ts';
import { field } from '../fields.ts';

const eventBatch = Type.Object({ events: Type.Optional(Type.Array(basicEvent)) });
const stateBatch = Type.Object({ events: Type.Optional(Type.Array(timelineEvent)) });
const strippedBatch = Type.Object({ events: Type.Optional(Type.Array(strippedState)) });

const timeline = Type.Object({
  events: Type.Array(timelineEvent),
  limited: Type.Optional(Type.Boolean()),
  prev_batch: Type.Optional(Type.String()),
});

const unreadCounts = Type.Object({
  highlight_count: Type.Optional(field.count),
  notification_count: Type.Optional(field.count),
});

const joinedRoom = Type.Object({
  summary: Type.Optional(
    Type.Object({
      'm.heroes': Type.Optional(Type.Array(field.userId)),
      'm.joined_member_count': Type.Optional(field.count),
      'm.invited_member_count': Type.Optional(field.count),
    }),
  ),
  state: Type.Optional(stateBatch),
  state_after: Type.Optional(stateBatch),
  timeline: Type.Optional(timeline),
  ephemeral: Type.Optional(eventBatch),
  account_data: Type.Optional(eventBatch),
  unread_notifications: Type.Optional(unreadCounts),
  unread_thread_notifications: Type.Optional(field.mapOf(unreadCounts)),
});

const leftRoom = Type.Object({
  state: Type.Optional(stateBatch),
  state_after: Type.Optional(stateBatch),
  timeline: Type.Optional(timeline),
  account_data: Type.Optional(eventBatch),
});

/** To-device messages and presence name the user they come from. */
const sentEvent = Type.Object({ ...basicEvent.properties, sender: field.userId });
const sentBatch = Type.Object({ events: Type.Optional(Type.Array(sentEvent)) });

/** The body of `/sync`, and of each frame of the WebSocket sync. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
export const syncResponse = Type.Object({
  next_batch: Type.String(),
  rooms: Type.Optional(
    Type.Object({
      join: Type.Optional(field.mapOf(joinedRoom)),
      invite: Type.Optional(
        field.mapOf(Type.Object({ invite_state: Type.Optional(strippedBatch) })),
      ),
      knock: Type.Optional(field.mapOf(Type.Object({ knock_state: Type.Optional(strippedBatch) }))),
      leave: Type.Optional(field.mapOf(leftRoom)),
    }),
  ),
  presence: Type.Optional(sentBatch),
  account_data: Type.Optional(eventBatch),
  to_device: Type.Optional(sentBatch),
  device_lists: Type.Optional(
    Type.Object({
      changed: Type.Optional(Type.Array(field.userId)),
      left: Type.Optional(Type.Array(field.userId)),
    }),
  ),
  device_one_time_keys_count: Type.Optional(field.mapOf(field.count)),
  device_unused_fallback_key_types: Type.Optional(Type.Array(Type.String())),
});
