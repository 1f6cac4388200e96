import { isObject, type RoomEvent } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { limits, serverNameOf } from '@candor/spec';
import { type MissingEvent, readMissing } from '../../storage/backward-extremities.ts';
import { isPassingTrouble } from '../../storage/passing-trouble.ts';
import type { Room } from '../room.ts';
import { stateBeforeEvent } from '../state-before-event.ts';
import type { StateSet } from '../state-set.ts';
import { askPeer } from './ask-peer.ts';
import { checkIncoming } from './check-incoming.ts';
import { listIn } from './fetch-events.ts';
import { importCitations } from './import-citations.ts';
import { isPlaced } from './missing-events.ts';
import { placeReceived } from './place-received.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';
import { stateAtGap } from './state-at-gap.ts';
import { noState } from './state-of-events.ts';

/** Old events, checked, the oldest first. */
const ask = async (
  context: RemoteContext,
  { roomId, server }: RemoteSource,
  room: Room,
  missing: readonly MissingEvent[],
): Promise<readonly RoomEvent[]> => {
  const answer = await askPeer(context, {
    server,
    method: 'GET',
    path: ['v1', 'backfill', roomId],
    query: { v: missing.map(({ eventId }) => eventId), limit: limits.backfillEventsMax },
  });
  const pdus = listIn(answer, 'pdus').filter(isObject).slice(0, limits.backfillEventsMax);
  const checked = await checkIncoming(context, pdus, room.rules, roomId);
  const events = checked.flatMap((one) => (one.ok ? [one.event] : []));
  return events.sort((one, other) => one.depth - other.depth);
};

/** The state before an old event: from what is here of it, or as its server tells it. */
const stateBeforeOld = async (
  context: RemoteContext,
  source: RemoteSource,
  room: Room,
  { eventId, prevEvents }: RoomEvent,
): Promise<StateSet> => {
  if (prevEvents.length === 0) return noState;
  const before = await stateBeforeEvent(context, room, prevEvents);
  return 'missing' in before ? stateAtGap(context, source, room, eventId, 'before') : before;
};

const takeOld = async (
  context: RemoteContext,
  source: RemoteSource,
  room: Room,
  event: RoomEvent,
): Promise<boolean> => {
  if (await isPlaced(context, event.eventId)) return false;
  if (!(await importCitations(context, source, room.rules, event))) return false;
  const stateBefore = await stateBeforeOld(context, source, room, event);
  const placed = await context.rooms.write(source.roomId, async (known) =>
    (await isPlaced(context, event.eventId))
      ? undefined
      : placeReceived(context, known, event, { stateBefore, isOld: true }),
  );
  await placed?.written;
  return placed?.reception.kind === 'accepted';
};

/** What goes wrong with one event keeps back no other, nor the room from who reads it; a server that gives no answer does. */
const takeOldWithin = async (
  ...[context, source, room, event]: Parameters<typeof takeOld>
): Promise<boolean> => {
  try {
    return await takeOld(context, source, room, event);
  } catch (err) {
    const isSilent = err instanceof PeerError && ['timeout', 'unreachable'].includes(err.kind);
    if (isSilent || isPassingTrouble(err)) throw err;
    context.log.info({ err, ...source, eventId: event.eventId }, 'an old event could not be taken');
    return false;
  }
};

/** What one server gives; true when something came. */
const backfillFrom = async (
  context: RemoteContext,
  source: RemoteSource,
  room: Room,
  missing: readonly MissingEvent[],
): Promise<boolean> => {
  let taken = 0;
  try {
    for (const event of await ask(context, source, room, missing)) {
      if (await takeOldWithin(context, source, room, event)) taken += 1;
    }
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    context.log.info({ err: error, ...source }, 'history could not be had');
  }
  return taken > 0;
};

/**
 * Fetches what comes before events that lie between two depths of a room and have predecessors that are not here;
 * true when the history has grown.
 */
// https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
export const backfill = (
  context: RemoteContext,
  room: Room,
  depths: { readonly from: number; readonly to: number },
): Promise<boolean> =>
  context.rooms.inbound.run(`backfill ${room.roomId}`, async () => {
    const { config, db, rooms } = context;
    const all = await readMissing(db, room.roomNid, depths, limits.prevEventsMax);
    const missing = all.filter(({ eventId }) => !rooms.unavailable.has(eventId));
    const [first] = missing;
    if (!first || !room.isResident) return false;
    const child = await rooms.events.loadOne(first.childEventId);
    const near = child && serverNameOf(child.event.sender);
    const servers = new Set([near, ...room.servers.keys()]);
    servers.delete(config.serverName);
    for (const server of [...servers].slice(0, limits.backfillServersTriedMax)) {
      if (server === undefined) continue;
      const source = { roomId: room.roomId, server };
      if (await backfillFrom(context, source, room, missing)) return true;
    }
    for (const { eventId } of missing) rooms.unavailable.set(eventId, true);
    return false;
  });
