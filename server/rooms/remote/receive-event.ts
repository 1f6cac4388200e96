import type { RoomEvent } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { limits, serverNameOf } from '@candor/spec';
import { isPassingTrouble } from '../../storage/passing-trouble.ts';
import { AuthChainTooLong } from '../auth-edges.ts';
import { resolveStateSets } from '../resolve-state-sets.ts';
import type { Room } from '../room.ts';
import { stateBeforeEvent } from '../state-before-event.ts';
import { type StateSet, stateSetAfter } from '../state-set.ts';
import { StateUnreadable } from '../state-unreadable.ts';
import { importCitations } from './import-citations.ts';
import { fetchMissingEvents, isPlaced, notPlaced } from './missing-events.ts';
import { placeReceived, type Reception, type Standing } from './place-received.ts';
import { askForPolicy } from './policy-server.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';
import { stateAtGap } from './state-at-gap.ts';
import { noState } from './state-of-events.ts';

export type ReceiveOptions = {
  /** Passes the event on to the other servers in the room: it came in, or went, through us. */
  readonly isRelayed?: boolean;
};

/** What one event may cost: states of the room asked of its server. */
type Budget = { gaps: number };

const missing = (reason: string): Reception => ({ kind: 'refused', reason, isMissing: true });

/** Predecessors that are not here come from the server that sent the event. */
const fillGaps = async (
  context: RemoteContext,
  source: RemoteSource,
  room: Room,
  event: RoomEvent,
  budget: Budget,
): Promise<void> => {
  if ((await notPlaced(context, room, event.prevEvents)).length === 0) return;
  for (const older of await fetchMissingEvents(context, source, room, event)) {
    await receiveWithin(context, source, older, undefined, budget, true);
  }
};

/** The states after predecessors that are not to be had, on the word of the server that sent the event. */
const bridgeGaps = async (
  context: RemoteContext,
  source: RemoteSource,
  room: Room,
  event: RoomEvent,
  budget: Budget,
): Promise<ReadonlyMap<string, StateSet>> => {
  const gaps = new Map<string, StateSet>();
  for (const eventId of await notPlaced(context, room, event.prevEvents)) {
    if (budget.gaps === 0) break;
    budget.gaps -= 1;
    gaps.set(eventId, await stateAtGap(context, source, room, eventId, 'after'));
  }
  return gaps;
};

const stateBefore = async (
  context: RemoteContext,
  room: Room,
  { prevEvents }: RoomEvent,
  gaps: ReadonlyMap<string, StateSet>,
): Promise<StateSet | undefined> => {
  if (prevEvents.length === 0) return noState;
  const before = await stateBeforeEvent(context, room, prevEvents);
  if (!('missing' in before)) return before;
  const told = before.missing.map((eventId) => gaps.get(eventId));
  const stored = await context.rooms.events.load(prevEvents);
  const here = [...stored.values()].filter((one) => !before.missing.includes(one.event.eventId));
  const own = await Promise.all(here.map((one) => stateSetAfter(context, one)));
  const known = told.filter((set) => set !== undefined);
  if (known.length < told.length) return undefined;
  return resolveStateSets(context, room, [...own, ...known]);
};

const standingOf = async (
  context: RemoteContext,
  room: Room,
  event: RoomEvent,
  gaps: ReadonlyMap<string, StateSet>,
  relayedFor: string | undefined,
): Promise<Standing | undefined> => {
  const { prevEvents, eventId } = event;
  const isAfterAll =
    prevEvents.length === room.extremities.length &&
    room.extremities.every((id) => prevEvents.includes(id));
  if (isAfterAll && relayedFor === undefined && !(await context.rooms.events.loadOne(eventId))) {
    return 'end';
  }
  const before = await stateBefore(context, room, event, gaps);
  return before && { stateBefore: before, relayedFor };
};

type Taken = { readonly reception: Reception; readonly written?: Promise<void> };

const receive = async (
  context: RemoteContext,
  source: RemoteSource,
  event: RoomEvent,
  relayedFor: string | undefined,
  budget: Budget,
  isFilling: boolean,
): Promise<Reception> => {
  const { rooms } = context;
  const known = await rooms.get(source.roomId);
  if (!known?.isResident)
    return { kind: 'refused', reason: 'this server is not in the room', isMissing: false };
  if (await isPlaced(context, event.eventId)) return { kind: 'known' };
  // What it cites comes last: most of that is in the gap before it, or in the state there.
  if (!isFilling) await fillGaps(context, source, known, event, budget);
  const gaps = await bridgeGaps(context, source, known, event, budget);
  if (!(await importCitations(context, source, known.rules, event))) {
    return missing('its auth events cannot be had');
  }
  const asked = await askForPolicy(context, known, event);
  const { reception, written } = await rooms.write(source.roomId, async (room): Promise<Taken> => {
    if (await isPlaced(context, event.eventId)) return { reception: { kind: 'known' } };
    const standing = await standingOf(context, room, event, gaps, relayedFor);
    if (!standing) return { reception: missing('its predecessors cannot be had') };
    return placeReceived(context, room, asked, standing);
  });
  await written;
  return reception;
};

/** What cannot be had within the limits costs the event, and no other; so does what nobody has foreseen. */
const receiveWithin = async (
  ...[context, source, event, ...rest]: Parameters<typeof receive>
): Promise<Reception> => {
  try {
    return await receive(context, source, event, ...rest);
  } catch (error) {
    // Then the whole transaction comes again.
    if (isPassingTrouble(error)) throw error;
    const isExpected = [PeerError, AuthChainTooLong, StateUnreadable].some(
      (known) => error instanceof known,
    );
    const { roomId, server } = source;
    const fields = { err: error, roomId, server, eventId: event.eventId };
    if (isExpected) context.log.info(fields, 'event not taken');
    else context.log.warn(fields, 'an event could not be taken');
    return missing(
      isExpected && error instanceof Error ? error.message : 'it could not be taken in',
    );
  }
};

/** Who may have what the event builds on: who sent it, whose it is, and some others in the room. */
const serversFor = async (
  { config, rooms }: RemoteContext,
  { roomId, server }: RemoteSource,
  { sender }: RoomEvent,
): Promise<readonly string[]> => {
  const room = await rooms.get(roomId);
  const servers = new Set([
    server,
    serverNameOf(sender) ?? server,
    ...(room?.servers.keys() ?? []),
  ]);
  servers.delete(config.serverName);
  return [...servers].slice(0, limits.missingServersTriedMax);
};

/**
 * Takes an event that has passed `checkIncoming` into a room that this server is in: fetches what is missing before
 * it within the limits, judges it, and puts it in its place. Resolves when it is on disk.
 */
export const receiveEvent = async (
  context: RemoteContext,
  source: RemoteSource,
  event: RoomEvent,
  { isRelayed = false }: ReceiveOptions = {},
): Promise<Reception> => {
  const relayedFor = isRelayed ? source.server : undefined;
  const budget: Budget = { gaps: limits.stateGapsPerEventMax };
  let reception = await receiveWithin(context, source, event, relayedFor, budget, false);
  if (reception.kind !== 'refused' || !reception.isMissing) return reception;
  const [, ...others] = await serversFor(context, source, event);
  for (const server of others) {
    const other = { roomId: source.roomId, server };
    reception = await receiveWithin(context, other, event, relayedFor, budget, false);
    if (reception.kind !== 'refused' || !reception.isMissing) return reception;
  }
  return reception;
};
