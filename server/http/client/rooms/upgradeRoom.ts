import type { clientServer } from '@candor/spec';
import { upgradeRoom as upgrade } from '../../../rooms/upgrade-room.ts';
import type { Handler } from '../../handler.ts';

export const upgradeRoom: Handler<typeof clientServer.upgradeRoom> = async (
  context,
  { params, body, caller },
) => {
  const replacement = await upgrade(context, {
    roomId: params.roomId,
    userId: caller.userId,
    newVersion: body.new_version,
    additionalCreators: body.additional_creators,
  });
  return { replacement_room: replacement };
};
