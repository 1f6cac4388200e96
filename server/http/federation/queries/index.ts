import { exchangeOpenIdToken } from './exchangeOpenIdToken.ts';
import { getPublicRooms } from './getPublicRooms.ts';
import { queryInfo } from './queryInfo.ts';
import { queryProfile } from './queryProfile.ts';
import { queryPublicRooms } from './queryPublicRooms.ts';
import { queryRoomDirectory } from './queryRoomDirectory.ts';

export const queryHandlers = {
  exchangeOpenIdToken,
  getPublicRooms,
  queryInfo,
  queryProfile,
  queryPublicRooms,
  queryRoomDirectory,
};
