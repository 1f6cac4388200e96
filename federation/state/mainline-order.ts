import { soleStateKeys } from '../auth/auth-state.ts';
import type { RoomEvent } from '../events/room-event.ts';
import type { Resolution } from './resolution.ts';

/**
 * Orders events by the power levels they were sent under: those under older levels first, then by time and id.
 * The mainline is the resolved power levels event and all those before it along `auth_events`.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#definitions
export const mainlineOrder = (
  events: readonly RoomEvent[],
  resolvedPowerLevels: RoomEvent | undefined,
  { citedState }: Resolution,
): RoomEvent[] => {
  const levelsOf = (event: RoomEvent) => citedState(event).get(soleStateKeys.powerLevels);
  const positions = new Map<RoomEvent, number>();
  for (let at = resolvedPowerLevels; at !== undefined && !positions.has(at); at = levelsOf(at)) {
    positions.set(at, positions.size);
  }

  const positionOf = (event: RoomEvent): number => {
    const passed: RoomEvent[] = [];
    let at = levelsOf(event);
    for (; at !== undefined && !positions.has(at); at = levelsOf(at)) {
      // Holds until the end of the walk is known, and ends a walk in circles.
      positions.set(at, Number.POSITIVE_INFINITY);
      passed.push(at);
    }
    const position = (at && positions.get(at)) ?? Number.POSITIVE_INFINITY;
    for (const event of passed) positions.set(event, position);
    return position;
  };

  return events
    .map((event) => ({ event, position: positionOf(event) }))
    .sort((a, b) => {
      if (a.position !== b.position) return a.position > b.position ? -1 : 1;
      const [x, y] = [a.event, b.event];
      if (x.originServerTs !== y.originServerTs) return x.originServerTs - y.originServerTs;
      return x.eventId < y.eventId ? -1 : 1;
    })
    .map(({ event }) => event);
};
