import { reportEvent } from './reportEvent.ts';
import { reportRoom } from './reportRoom.ts';
import { reportUser } from './reportUser.ts';

export const reportHandlers = {
  reportEvent,
  reportRoom,
  reportUser,
};
