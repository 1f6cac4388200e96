import { getRelatingEvents } from './getRelatingEvents.ts';
import { getRelatingEventsWithRelType } from './getRelatingEventsWithRelType.ts';
import { getRelatingEventsWithRelTypeAndEventType } from './getRelatingEventsWithRelTypeAndEventType.ts';
import { getThreadRoots } from './getThreadRoots.ts';

export const relationHandlers = {
  getRelatingEvents,
  getRelatingEventsWithRelType,
  getRelatingEventsWithRelTypeAndEventType,
  getThreadRoots,
};
