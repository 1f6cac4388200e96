import { deleteRoomAlias } from './deleteRoomAlias.ts';
import { getLocalAliases } from './getLocalAliases.ts';
import { getPublicRooms } from './getPublicRooms.ts';
import { getRoomIdByAlias } from './getRoomIdByAlias.ts';
import { getRoomVisibilityOnDirectory } from './getRoomVisibilityOnDirectory.ts';
import { queryPublicRooms } from './queryPublicRooms.ts';
import { setRoomAlias } from './setRoomAlias.ts';
import { setRoomVisibilityOnDirectory } from './setRoomVisibilityOnDirectory.ts';

export const directoryHandlers = {
  deleteRoomAlias,
  getLocalAliases,
  getPublicRooms,
  getRoomIdByAlias,
  getRoomVisibilityOnDirectory,
  queryPublicRooms,
  setRoomAlias,
  setRoomVisibilityOnDirectory,
};
