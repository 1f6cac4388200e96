import type { clientServer } from '@candor/spec';
import { makeAlias } from '../../../rooms/room-aliases.ts';
import type { Handler } from '../../handler.ts';

export const setRoomAlias: Handler<typeof clientServer.setRoomAlias> = async (
  context,
  { params, body, caller },
) => {
  const { userId } = caller;
  await makeAlias(context, { alias: params.roomAlias, roomId: body.room_id, userId });
  return {};
};
