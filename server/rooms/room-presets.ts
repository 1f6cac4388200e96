import type { EventTemplate, JsonObject, RoomVersionRules } from '@candor/federation';
import type { BodyOf, clientServer } from '@candor/spec';

export type CreateRoomRequest = BodyOf<typeof clientServer.createRoom>;

type Preset = {
  readonly joinRule: string;
  readonly guestAccess: string;
  /** Level for inviting. */
  readonly invite: number;
};

// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
const presets = {
  private_chat: { joinRule: 'invite', guestAccess: 'can_join', invite: 0 },
  trusted_private_chat: { joinRule: 'invite', guestAccess: 'can_join', invite: 0 },
  public_chat: { joinRule: 'public', guestAccess: 'forbidden', invite: 50 },
} as const satisfies Record<string, Preset>;

export const presetOf = ({ preset, visibility }: CreateRoomRequest): keyof typeof presets =>
  preset ?? (visibility === 'public' ? 'public_chat' : 'private_chat');

/** Content of a new room's power levels, before the request's own wishes. */
const defaultPowerLevels = (
  request: CreateRoomRequest,
  creator: string,
  rules: RoomVersionRules,
): JsonObject => {
  const preset = presetOf(request);
  const trusted = preset === 'trusted_private_chat' ? (request.invite ?? []) : [];
  // Creators who stand above all levels are not named in them.
  const users = rules.creatorsInfinite ? [] : [creator, ...trusted];
  return {
    users: Object.fromEntries(users.map((userId) => [userId, 100])),
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.history_visibility': 100,
      'm.room.power_levels': 100,
      'm.room.encryption': 100,
      'm.room.server_acl': 100,
      'm.room.tombstone': rules.creatorsInfinite ? 150 : 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: presets[preset].invite,
    notifications: { room: 50 },
  };
};

/** Content of a new room's `m.room.power_levels`. */
export const initialPowerLevels = (
  request: CreateRoomRequest,
  creator: string,
  rules: RoomVersionRules,
): JsonObject => ({
  ...defaultPowerLevels(request, creator, rules),
  ...(request.power_level_content_override as JsonObject | undefined),
});

const state = (creator: string, type: string, content: JsonObject): EventTemplate => ({
  type,
  stateKey: '',
  sender: creator,
  content,
});

// https://spec.matrix.org/v1.19/client-server-api/#mroomtopic
const topicContent = (topic: string): JsonObject => ({
  topic,
  'm.topic': { 'm.text': [{ body: topic }] },
});

/** The state events of a new room after its power levels and alias, in the specification's order. */
export const initialState = (request: CreateRoomRequest, creator: string): EventTemplate[] => {
  const { name, topic } = request;
  const preset = presets[presetOf(request)];
  const asked = (request.initial_state ?? []).map(
    ({ type, state_key: stateKey = '', content }): EventTemplate => ({
      type,
      stateKey,
      sender: creator,
      content: content as JsonObject,
    }),
  );
  const askedTypes = new Set(asked.filter((event) => event.stateKey === '').map((e) => e.type));
  const fromPreset = [
    state(creator, 'm.room.join_rules', { join_rule: preset.joinRule }),
    state(creator, 'm.room.history_visibility', { history_visibility: 'shared' }),
    state(creator, 'm.room.guest_access', { guest_access: preset.guestAccess }),
  ];
  return [
    ...fromPreset.filter((event) => !askedTypes.has(event.type)),
    ...asked,
    ...(name === undefined ? [] : [state(creator, 'm.room.name', { name })]),
    ...(topic === undefined ? [] : [state(creator, 'm.room.topic', topicContent(topic))]),
  ];
};
