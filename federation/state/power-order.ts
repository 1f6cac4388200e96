import { powerLevels } from '../auth/power-levels.ts';
import type { RoomEvent } from '../events/room-event.ts';
import { createHeap } from './heap.ts';
import type { Resolution } from './resolution.ts';

type Candidate = { readonly event: RoomEvent; readonly senderLevel: number };

const isBefore = (a: Candidate, b: Candidate): boolean => {
  if (a.senderLevel !== b.senderLevel) return a.senderLevel > b.senderLevel;
  const [x, y] = [a.event, b.event];
  if (x.originServerTs !== y.originServerTs) return x.originServerTs < y.originServerTs;
  return x.eventId < y.eventId;
};

/**
 * The reverse topological power ordering: what is cited before what cites it, else the more powerful sender,
 * the earlier time, the smaller id first. Only citations inside the set count, as other servers do it.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#definitions
export const powerOrder = (
  eventIds: ReadonlySet<string>,
  { rules, eventOf, citedState }: Resolution,
): RoomEvent[] => {
  const citedBy = new Map<string, RoomEvent[]>();
  const open = new Map<string, number>();
  const ready = createHeap(isBefore);
  const makeReady = (event: RoomEvent): void => {
    const senderLevel = powerLevels(citedState(event), rules).ofUser(event.sender);
    ready.push({ event, senderLevel });
  };
  for (const eventId of eventIds) {
    const event = eventOf(eventId);
    if (event === undefined) continue;
    const cited = new Set(event.authEvents.filter((id) => eventIds.has(id) && eventOf(id)));
    for (const id of cited) {
      const citing = citedBy.get(id);
      if (citing) citing.push(event);
      else citedBy.set(id, [event]);
    }
    if (cited.size === 0) makeReady(event);
    else open.set(eventId, cited.size);
  }
  const ordered: RoomEvent[] = [];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    ordered.push(next.event);
    for (const event of citedBy.get(next.event.eventId) ?? []) {
      const left = (open.get(event.eventId) ?? 0) - 1;
      open.set(event.eventId, left);
      if (left === 0) makeReady(event);
    }
  }
  return ordered;
};
