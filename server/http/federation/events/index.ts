import { backfillRoom } from './backfillRoom.ts';
import { getEvent } from './getEvent.ts';
import { getEventAuth } from './getEventAuth.ts';
import { getEventByTimestamp } from './getEventByTimestamp.ts';
import { getMissingPreviousEvents } from './getMissingPreviousEvents.ts';
import { getRoomState } from './getRoomState.ts';
import { getRoomStateIds } from './getRoomStateIds.ts';

export const eventHandlers = {
  backfillRoom,
  getEvent,
  getEventAuth,
  getEventByTimestamp,
  getMissingPreviousEvents,
  getRoomState,
  getRoomStateIds,
};
