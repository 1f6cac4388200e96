/** What redaction keeps: top-level keys, and per event type the keys of `content` (or all of it). */
export type RedactionRules = {
  readonly keys: ReadonlySet<string>;
  readonly content: Readonly<Record<string, readonly string[] | 'all'>>;
  /** Whether `content.third_party_invite` of a member event keeps its `signed`. */
  readonly keepsThirdPartySigned: boolean;
};

/** The specification's numbers for the authorisation rules, which shift when a version inserts one. */
export type AuthRuleNumbers = {
  readonly authEvents: number;
  readonly federate: number;
  readonly member: number;
  readonly senderJoined: number;
  readonly thirdPartyInvite: number;
  readonly requiredLevel: number;
  readonly ownStateKey: number;
  readonly powerLevels: number;
  /** Under power levels: the rule that allows the first one; those about changes follow it. */
  readonly firstPowerLevels: number;
};

/** Everything in which room versions differ, as the algorithms ask for it. */
export type RoomVersionRules = {
  readonly version: string;
  readonly redaction: RedactionRules;
  readonly authRuleNumbers: AuthRuleNumbers;
  /** The creator is named by `content.creator` of the create event, else by its sender. */
  readonly creatorInContent: boolean;
  /** A redaction names its target in `content`, else beside it. */
  readonly redactsInContent: boolean;
  /** The room id is the create event's id with `!`; the create event carries no room id and is no auth event. */
  readonly roomIdIsCreateHash: boolean;
  /** Creators (`additional_creators` too) stand above every power level and outside `users`. */
  readonly creatorsInfinite: boolean;
  /** What the first pass of state resolution starts from. */
  readonly resolvesFrom: 'unconflicted' | 'empty';
  /** Whether events between conflicted events are replayed. */
  readonly replaysConflictedSubgraph: boolean;
};

// https://spec.matrix.org/v1.19/rooms/v10/
const version10: RoomVersionRules = {
  version: '10',
  redaction: {
    keys: new Set([
      'event_id',
      'type',
      'room_id',
      'sender',
      'state_key',
      'content',
      'hashes',
      'signatures',
      'depth',
      'prev_events',
      'prev_state',
      'auth_events',
      'origin',
      'origin_server_ts',
      'membership',
    ]),
    content: {
      'm.room.member': ['membership', 'join_authorised_via_users_server'],
      'm.room.create': ['creator'],
      'm.room.join_rules': ['join_rule', 'allow'],
      'm.room.power_levels': [
        'ban',
        'events',
        'events_default',
        'kick',
        'redact',
        'state_default',
        'users',
        'users_default',
      ],
      'm.room.history_visibility': ['history_visibility'],
    },
    keepsThirdPartySigned: false,
  },
  authRuleNumbers: {
    authEvents: 2,
    federate: 3,
    member: 4,
    senderJoined: 5,
    thirdPartyInvite: 6,
    requiredLevel: 7,
    ownStateKey: 8,
    powerLevels: 9,
    firstPowerLevels: 4,
  },
  creatorInContent: true,
  redactsInContent: false,
  roomIdIsCreateHash: false,
  creatorsInfinite: false,
  resolvesFrom: 'unconflicted',
  replaysConflictedSubgraph: false,
};

// https://spec.matrix.org/v1.19/rooms/v11/
const version11: RoomVersionRules = {
  ...version10,
  version: '11',
  redaction: {
    keys: version10.redaction.keys.difference(new Set(['prev_state', 'origin', 'membership'])),
    content: {
      ...version10.redaction.content,
      'm.room.create': 'all',
      'm.room.power_levels': [
        ...(version10.redaction.content['m.room.power_levels'] ?? []),
        'invite',
      ],
      'm.room.redaction': ['redacts'],
    },
    keepsThirdPartySigned: true,
  },
  creatorInContent: false,
  redactsInContent: true,
};

// https://spec.matrix.org/v1.19/rooms/v12/
const version12: RoomVersionRules = {
  ...version11,
  version: '12',
  authRuleNumbers: {
    authEvents: 3,
    federate: 4,
    member: 5,
    senderJoined: 6,
    thirdPartyInvite: 7,
    requiredLevel: 8,
    ownStateKey: 9,
    powerLevels: 10,
    firstPowerLevels: 5,
  },
  roomIdIsCreateHash: true,
  creatorsInfinite: true,
  resolvesFrom: 'empty',
  replaysConflictedSubgraph: true,
};

const versions = new Map([version10, version11, version12].map((rules) => [rules.version, rules]));

/** The versions this library speaks, oldest first. */
export const supportedRoomVersions: readonly string[] = [...versions.keys()];

export const defaultRoomVersion = '12';

/** The rules of a room version; undefined when it is not supported. */
export const roomVersionRules = (version: string): RoomVersionRules | undefined =>
  versions.get(version);
