import type { clientServer } from '@candor/spec';
import { changeAccountData } from '../../../storage/account-data.ts';
import { transact } from '../../../storage/database.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';
import { roomTags } from './room-tags.ts';

export const deleteRoomTag: Handler<typeof clientServer.deleteRoomTag> = async (
  { db },
  { params, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const { userId, roomId, tag } = params;
  await transact(db, (tx) =>
    changeAccountData(tx, { userId, roomId, type: 'm.tag' }, (before) => {
      const { [tag]: _gone, ...tags } = roomTags(before);
      return { tags };
    }),
  );
  return {};
};
