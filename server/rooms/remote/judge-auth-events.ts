import {
  checkAuth,
  checkAuthEvents,
  type RoomEvent,
  type RoomVersionRules,
  type StateKey,
  stateKeyOf,
} from '@candor/federation';

/** An event with what is known of it; the reason when it is rejected. */
export type JudgedEvent = { readonly event: RoomEvent; readonly rejectedFor: string | null };

/**
 * Events before those that cite them, and the create event, which no event of version 12 cites, before all;
 * each once, and in the order given where that is free.
 */
export const orderByAuthEvents = (events: Iterable<RoomEvent>): RoomEvent[] => {
  const isCreate = ({ type }: RoomEvent) => type === 'm.room.create';
  const sorted = [...events].sort((a, b) => Number(isCreate(b)) - Number(isCreate(a)));
  const byId = new Map(sorted.map((event) => [event.eventId, event]));
  const ordered = new Set<RoomEvent>();
  for (const start of byId.values()) {
    if (ordered.has(start)) continue;
    const open = [{ event: start, next: 0 }];
    const entered = new Set([start]);
    for (let top = open.at(-1); top; top = open.at(-1)) {
      const cited = byId.get(top.event.authEvents[top.next] ?? '');
      if (top.next >= top.event.authEvents.length) {
        ordered.add(top.event);
        open.pop();
      } else if (cited && !ordered.has(cited) && !entered.has(cited)) {
        entered.add(cited);
        open.push({ event: cited, next: 0 });
      }
      top.next += 1;
    }
  }
  return [...ordered];
};

/**
 * Check 4: whether the events that an event cites allow it. Returns why not, or null. `find` knows the cited events
 * and, in versions whose room ids come from it, the create event.
 */
// https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
export const judgeByAuthEvents = (
  event: RoomEvent,
  find: (eventId: string) => JudgedEvent | undefined,
  rules: RoomVersionRules,
): string | null => {
  const cited = event.authEvents.flatMap((eventId) => find(eventId)?.event ?? []);
  const isRejected = (eventId: string) => (find(eventId)?.rejectedFor ?? null) !== null;
  const byCitation = checkAuthEvents(event, cited, isRejected, rules);
  if (!byCitation.allowed) return `${byCitation.rule}: ${byCitation.reason}`;
  const state = new Map<StateKey, RoomEvent>();
  const root = rules.roomIdIsCreateHash ? find(`$${event.roomId.slice(1)}`)?.event : undefined;
  for (const entry of root ? [root, ...cited] : cited) {
    if (entry.stateKey !== undefined) state.set(stateKeyOf(entry.type, entry.stateKey), entry);
  }
  const verdict = checkAuth(event, state, rules);
  return verdict.allowed ? null : `${verdict.rule}: ${verdict.reason}`;
};
