import type { clientServer } from '@candor/spec';
import { readAccountData } from '../../../storage/account-data.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';
import { roomTags } from './room-tags.ts';

export const getRoomTags: Handler<typeof clientServer.getRoomTags> = async (
  { db },
  { params, caller },
) => {
  refuseOtherUser(caller, params.userId);
  return { tags: roomTags(await readAccountData(db, { ...params, type: 'm.tag' })) };
};
