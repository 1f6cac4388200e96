import type { EventTemplate, JsonObject, RoomVersionRules } from '@candor/federation';
import { serverNameOf } from '@candor/spec';
import type { Db } from '../storage/database.ts';
import { readMemberProfile } from '../storage/member-profile.ts';
import {
  type CreateRoomRequest,
  initialPowerLevels,
  initialState,
  presetOf,
} from './room-presets.ts';

/** A room that is asked for, and who asks. */
export type NewRoom = {
  readonly request: CreateRoomRequest;
  readonly creator: string;
  readonly rules: RoomVersionRules;
  readonly alias: string | undefined;
};

/** Content of the create event. */
export const createContent = ({ request, creator, rules }: NewRoom): JsonObject => {
  const { creator: _creator, ...wished } = (request.creation_content ?? {}) as JsonObject;
  const trusted = presetOf(request) === 'trusted_private_chat' ? (request.invite ?? []) : [];
  const named = wished['additional_creators'];
  const more = [...(Array.isArray(named) ? named : []), ...trusted].filter((id) => id !== creator);
  return {
    ...wished,
    ...(rules.creatorsInfinite && more.length > 0 && { additional_creators: [...new Set(more)] }),
    ...(rules.creatorInContent && { creator }),
    room_version: rules.version,
  };
};

/** Whom the request invites: users of this server, who are in the room's first write, and others. */
export const inviteesOf = (
  { request, creator }: NewRoom,
  serverName: string,
): { readonly local: readonly string[]; readonly remote: readonly string[] } => {
  const all = [...new Set(request.invite)].filter((userId) => userId !== creator);
  const isLocal = (userId: string) => serverNameOf(userId) === serverName;
  return { local: all.filter(isLocal), remote: all.filter((userId) => !isLocal(userId)) };
};

const member = async (
  db: Db,
  userId: string,
  sender: string,
  content: JsonObject,
): Promise<EventTemplate> => ({
  type: 'm.room.member',
  stateKey: userId,
  sender,
  content: { ...content, ...(await readMemberProfile(db, userId)) },
});

/** What follows the create event, in the specification's order. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
export const eventsAfterCreate = async (
  db: Db,
  room: NewRoom,
  serverName: string,
): Promise<readonly EventTemplate[]> => {
  const { request, creator, rules, alias } = room;
  const levels = initialPowerLevels(request, creator, rules);
  const invite = { membership: 'invite', ...(request.is_direct && { is_direct: true }) };
  const invitations = inviteesOf(room, serverName).local.map((userId) =>
    member(db, userId, creator, invite),
  );
  const canonicalAlias = alias === undefined ? [] : [{ alias }];
  return [
    await member(db, creator, creator, { membership: 'join' }),
    { type: 'm.room.power_levels', stateKey: '', sender: creator, content: levels },
    ...canonicalAlias.map((content) => ({
      type: 'm.room.canonical_alias',
      stateKey: '',
      sender: creator,
      content,
    })),
    ...initialState(request, creator),
    ...(await Promise.all(invitations)),
  ];
};
