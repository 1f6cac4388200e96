import { ban } from './ban.ts';
import { createRoom } from './createRoom.ts';
import { forgetRoom } from './forgetRoom.ts';
import { getEventByTimestamp } from './getEventByTimestamp.ts';
import { getEventContext } from './getEventContext.ts';
import { getJoinedMembersByRoom } from './getJoinedMembersByRoom.ts';
import { getJoinedRooms } from './getJoinedRooms.ts';
import { getMembersByRoom } from './getMembersByRoom.ts';
import { getOneRoomEvent } from './getOneRoomEvent.ts';
import { getRoomEvents } from './getRoomEvents.ts';
import { getRoomState } from './getRoomState.ts';
import { getRoomStateWithKey } from './getRoomStateWithKey.ts';
import { inviteUser } from './inviteUser.ts';
import { joinRoom } from './joinRoom.ts';
import { joinRoomById } from './joinRoomById.ts';
import { kick } from './kick.ts';
import { knockRoom } from './knockRoom.ts';
import { leaveRoom } from './leaveRoom.ts';
import { redactEvent } from './redactEvent.ts';
import { sendMessage } from './sendMessage.ts';
import { setRoomStateWithKey } from './setRoomStateWithKey.ts';
import { unban } from './unban.ts';
import { upgradeRoom } from './upgradeRoom.ts';

export const roomHandlers = {
  ban,
  createRoom,
  forgetRoom,
  getEventByTimestamp,
  getEventContext,
  getJoinedMembersByRoom,
  getJoinedRooms,
  getMembersByRoom,
  getOneRoomEvent,
  getRoomEvents,
  getRoomState,
  getRoomStateWithKey,
  inviteUser,
  joinRoom,
  joinRoomById,
  kick,
  knockRoom,
  leaveRoom,
  redactEvent,
  sendMessage,
  setRoomStateWithKey,
  unban,
  upgradeRoom,
};
