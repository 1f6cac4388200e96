import type { clientServer } from '@candor/spec';
import { removeAlias } from '../../../rooms/room-aliases.ts';
import type { Handler } from '../../handler.ts';

export const deleteRoomAlias: Handler<typeof clientServer.deleteRoomAlias> = async (
  context,
  { params, caller },
) => {
  await removeAlias(context, params.roomAlias, caller);
  return {};
};
