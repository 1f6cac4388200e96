import { deleteRoomTag } from './deleteRoomTag.ts';
import { getAccountData } from './getAccountData.ts';
import { getAccountDataPerRoom } from './getAccountDataPerRoom.ts';
import { getRoomTags } from './getRoomTags.ts';
import { setAccountData } from './setAccountData.ts';
import { setAccountDataPerRoom } from './setAccountDataPerRoom.ts';
import { setRoomTag } from './setRoomTag.ts';

export const accountDataHandlers = {
  deleteRoomTag,
  getAccountData,
  getAccountDataPerRoom,
  getRoomTags,
  setAccountData,
  setAccountDataPerRoom,
  setRoomTag,
};
