import { isObject } from '@candor/federation';
import type { clientServer, ResponseOf } from '@candor/spec';
import type { RoomDescription } from '../storage/room-directory.ts';

export type RoomSummary = Omit<ResponseOf<typeof clientServer.getRoomSummary>, 'membership'>;

/** What can be told about a room to somebody who may join or see it. */
// https://spec.matrix.org/v1.19/client-server-api/#room-summaries
export const summarise = ({ content, ...room }: RoomDescription): RoomSummary => {
  const text = (type: string, field: string): string | undefined => {
    const value = content.get(type)?.[field];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const optional = {
    name: text('m.room.name', 'name'),
    topic: text('m.room.topic', 'topic'),
    canonical_alias: text('m.room.canonical_alias', 'alias'),
    avatar_url: text('m.room.avatar', 'url'),
    room_type: text('m.room.create', 'type'),
    encryption: text('m.room.encryption', 'algorithm'),
  };
  const allow = content.get('m.room.join_rules')?.['allow'];
  const allowed = (Array.isArray(allow) ? allow : []).flatMap((condition: unknown) =>
    isObject(condition) && typeof condition['room_id'] === 'string' ? [condition['room_id']] : [],
  );
  return {
    room_id: room.roomId,
    num_joined_members: room.joinedMembers,
    world_readable: text('m.room.history_visibility', 'history_visibility') === 'world_readable',
    guest_can_join: text('m.room.guest_access', 'guest_access') === 'can_join',
    join_rule: text('m.room.join_rules', 'join_rule') ?? 'invite',
    room_version: room.version,
    ...(allowed.length > 0 && { allowed_room_ids: allowed }),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
};
