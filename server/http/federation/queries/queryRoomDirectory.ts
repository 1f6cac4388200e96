import type { federation } from '@candor/spec';
import { findLocalAlias } from '../../../peers/find-room.ts';
import type { Handler } from '../../handler.ts';

export const queryRoomDirectory: Handler<typeof federation.queryRoomDirectory> = async (
  context,
  { query },
) => {
  const { roomId, servers } = await findLocalAlias(context, query.room_alias);
  return { room_id: roomId, servers: [...servers] };
};
