import { setImmediate } from 'node:timers/promises';
import type { RoomEvent } from '@candor/federation';
import { limits } from '@candor/spec';
import { commitSteps } from '../commit-steps.ts';
import type { Room } from '../room.ts';
import { fetchAuthChain } from './fetch-auth-chain.ts';
import { fetchEvents } from './fetch-events.ts';
import { type JudgedEvent, judgeByAuthEvents, orderByAuthEvents } from './judge-auth-events.ts';
import { keepOutliers, type Outlier } from './keep-outliers.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';
import { isJudged } from './unjudged.ts';

/** What the events cite and nobody has shown us; the create event too, where nobody cites it. */
const citedElsewhere = async (
  { rooms }: RemoteContext,
  events: ReadonlyMap<string, RoomEvent>,
): Promise<readonly string[]> => {
  const cited = new Set([...events.values()].flatMap((event) => event.authEvents));
  const open = [...cited].filter((eventId) => !events.has(eventId));
  const known = await rooms.events.load(open);
  return open.filter((eventId) => !isJudged(known.get(eventId)));
};

/** Adds to the events everything of their auth chains that is not here; gives up within the limits. */
const completeAuthChains = async (
  context: RemoteContext,
  source: RemoteSource,
  events: Map<string, RoomEvent>,
): Promise<void> => {
  const room = await context.rooms.get(source.roomId);
  if (!room) return;
  const add = (found: readonly RoomEvent[]) => {
    for (const event of found) events.set(event.eventId, event);
  };
  const start = events.size;
  const asked = new Set<string>();
  for (let round = 0; round < limits.authChainRoundsMax; round += 1) {
    const missing = (await citedElsewhere(context, events)).filter((id) => !asked.has(id));
    const [first] = missing;
    if (first === undefined || events.size - start > limits.authChainEventsMax) return;
    if (round === 0) {
      const citing = [...events.values()].find((event) => event.authEvents.includes(first));
      if (citing) add(await fetchAuthChain(context, source, room.rules, citing.eventId));
      continue;
    }
    const some = missing.slice(0, limits.missingEventsMax);
    for (const eventId of some) asked.add(eventId);
    add(await fetchEvents(context, source, room.rules, some));
  }
};

/** In parts, so that others have their turn; the room's writer holds the room until all are queued. */
const keepInParts = async (
  context: RemoteContext,
  room: Room,
  judged: readonly Outlier[],
): Promise<readonly Promise<void>[]> => {
  const writes: Promise<void>[] = [];
  const size = limits.persistBatchEventsMax;
  for (let start = 0; start < judged.length; start += size) {
    const step = await keepOutliers(context, room, judged.slice(start, start + size));
    const write = commitSteps(context, room, [step]);
    // A failure is told at the end, also when it ends this loop.
    write.catch(() => undefined);
    writes.push(write);
    await setImmediate();
  }
  return writes;
};

/**
 * Keeps events beside the timeline, with their auth chains, each judged by what it cites (check 4); those whose chain
 * cannot be had are left out. Resolves when they are on disk. They must have passed `checkIncoming`; the room is known.
 */
export const importOutliers = async (
  context: RemoteContext,
  source: RemoteSource,
  events: readonly RoomEvent[],
): Promise<void> => {
  const all = new Map(events.map((event) => [event.eventId, event]));
  await completeAuthChains(context, source, all);
  const written = await context.rooms.write(source.roomId, async (room) => {
    const ids = [...all.values()].flatMap((event) => [event.eventId, ...event.authEvents]);
    const root = room.rules.roomIdIsCreateHash ? [`$${room.roomId.slice(1)}`] : [];
    const stored = await context.rooms.events.load(new Set([...root, ...ids]));
    const judged = new Map<string, JudgedEvent & Outlier>();
    let count = 0;
    const known = (eventId: string) => {
      const one = stored.get(eventId);
      return isJudged(one) ? one : undefined;
    };
    const find = (eventId: string) => judged.get(eventId) ?? known(eventId);
    for (const event of orderByAuthEvents(all.values())) {
      if (known(event.eventId) || !event.authEvents.every((id) => find(id))) continue;
      const rejectedFor = judgeByAuthEvents(event, find, room.rules);
      const unjudgedNid = stored.get(event.eventId)?.eventNid;
      judged.set(event.eventId, { event, rejectedFor, unjudgedNid });
      count += 1;
      if (count % limits.eventsPerTurnMax === 0) await setImmediate();
    }
    return keepInParts(context, room, [...judged.values()]);
  });
  await Promise.all(written);
};
