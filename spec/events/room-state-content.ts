import Type from 'typebox';
import { field } from '../fields.ts';
import { powerLevels } from './power-levels.ts';
import { signedThirdPartyInvite } from './third-party-signed.ts';

const stringOrNull = Type.Union([Type.String(), Type.Null()]);

const create = Type.Object({
  /** Up to room version 10. */
  creator: Type.Optional(field.userId),
  room_version: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  'm.federate': Type.Optional(Type.Boolean()),
  predecessor: Type.Optional(
    Type.Object({ room_id: field.roomId, event_id: Type.Optional(field.eventId) }),
  ),
  /** From room version 12 on. */
  additional_creators: Type.Optional(Type.Array(field.userId)),
});

const member = Type.Object({
  membership: Type.Enum(['invite', 'join', 'knock', 'leave', 'ban']),
  displayname: Type.Optional(stringOrNull),
  avatar_url: Type.Optional(stringOrNull),
  reason: Type.Optional(Type.String()),
  is_direct: Type.Optional(Type.Boolean()),
  join_authorised_via_users_server: Type.Optional(field.userId),
  third_party_invite: Type.Optional(
    Type.Object({ display_name: Type.String(), signed: signedThirdPartyInvite }),
  ),
});

const joinRules = Type.Object({
  join_rule: Type.Enum(['public', 'knock', 'invite', 'private', 'restricted', 'knock_restricted']),
  allow: Type.Optional(
    Type.Array(Type.Object({ type: Type.String(), room_id: Type.Optional(field.roomId) })),
  ),
});

const serverAcl = Type.Object({
  allow_ip_literals: Type.Optional(Type.Boolean()),
  allow: Type.Optional(Type.Array(Type.String())),
  deny: Type.Optional(Type.Array(Type.String())),
});

const publicKey = Type.Object({
  public_key: Type.String(),
  key_validity_url: Type.Optional(Type.String()),
});

/** Content schemas of the state events that decide who may do what in a room. */
// https://spec.matrix.org/v1.19/client-server-api/#room-events
export const roomStateContent = {
  'm.room.create': create,
  'm.room.member': member,
  'm.room.power_levels': powerLevels,
  'm.room.join_rules': joinRules,
  'm.room.history_visibility': Type.Object({
    history_visibility: Type.Enum(['invited', 'joined', 'shared', 'world_readable']),
  }),
  'm.room.guest_access': Type.Object({ guest_access: Type.Enum(['can_join', 'forbidden']) }),
  'm.room.server_acl': serverAcl,
  'm.room.third_party_invite': Type.Object({
    display_name: Type.String(),
    ...publicKey.properties,
    key_validity_url: Type.String(),
    public_keys: Type.Optional(Type.Array(publicKey)),
  }),
  'm.room.tombstone': Type.Object({ body: Type.String(), replacement_room: field.roomId }),
  'm.room.policy': Type.Object({
    via: field.serverName,
    public_keys: field.mapOf(Type.String()),
  }),
  'm.room.encryption': Type.Object({
    algorithm: Type.String(),
    rotation_period_ms: Type.Optional(field.durationMs),
    rotation_period_msgs: Type.Optional(field.count),
  }),
} as const;
