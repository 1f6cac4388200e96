import type { RoomEvent } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import type { Room } from '../room.ts';
import type { StateSet } from '../state-set.ts';
import { askPeer } from './ask-peer.ts';
import { checkIncoming } from './check-incoming.ts';
import { fetchEvents, listIn } from './fetch-events.ts';
import { importOutliers } from './import-outliers.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';
import { stateOfEvents } from './state-of-events.ts';

const isText = (value: unknown): value is string => typeof value === 'string';

type StateIds = { readonly state: readonly string[]; readonly chain: readonly string[] };

const askStateIds = async (
  context: RemoteContext,
  { roomId, server }: RemoteSource,
  eventId: string,
): Promise<StateIds> => {
  const answer = await askPeer(context, {
    server,
    method: 'GET',
    path: ['v1', 'state_ids', roomId],
    query: { event_id: eventId },
  });
  const state = listIn(answer, 'pdu_ids').filter(isText);
  const chain = listIn(answer, 'auth_chain_ids').filter(isText);
  if (state.length + chain.length <= limits.stateEventsMax) return { state, chain };
  throw new PeerError('too-large', `${server}: the state has too many events`);
};

/** Few events are fetched one by one, many with the whole state. */
const fetchState = async (
  context: RemoteContext,
  source: RemoteSource,
  room: Room,
  eventId: string,
  missing: readonly string[],
): Promise<readonly RoomEvent[]> => {
  if (missing.length <= limits.stateEventsFetchedSinglyMax) {
    return fetchEvents(context, source, room.rules, missing);
  }
  const answer = await askPeer(context, {
    server: source.server,
    method: 'GET',
    path: ['v1', 'state', source.roomId],
    query: { event_id: eventId },
    lists: ['pdus', 'auth_chain'],
  });
  const pdus = [...listIn(answer, 'pdus'), ...listIn(answer, 'auth_chain')];
  const checked = await checkIncoming(context, pdus, room.rules, source.roomId);
  const single = await fetchEvents(context, source, room.rules, [eventId]);
  return [...single, ...checked.flatMap((one) => (one.ok ? [one.event] : []))];
};

/**
 * The room's state just after (`after`) or before an event that is not here, as another server tells it; what is not
 * known of it is fetched, checked and kept beside the timeline. Throws `PeerError`.
 */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid
export const stateAtGap = async (
  context: RemoteContext,
  source: RemoteSource,
  room: Room,
  eventId: string,
  side: 'before' | 'after',
): Promise<StateSet> => {
  const { events } = context.rooms;
  const { state, chain } = await askStateIds(context, source, eventId);
  const own = side === 'after' ? [eventId] : [];
  const wanted = [...new Set([...state, ...own, ...chain])];
  const known = await events.load(wanted);
  const missing = wanted.filter((id) => !known.has(id));
  if (missing.length > 0) {
    const found = await fetchState(context, source, room, eventId, missing);
    await importOutliers(context, source, found);
  }
  const stored = await events.load([...state, ...own]);
  const inOrder = [...state, ...own].flatMap((id) => stored.get(id) ?? []);
  if (own.some((id) => !stored.has(id))) {
    throw new PeerError('bad-answer', `${source.server} does not give ${eventId}`);
  }
  const inRoom = inOrder.filter((one) => one.roomNid === room.roomNid);
  const hasCreate = inRoom.some(({ event }) => event.type === 'm.room.create');
  if (hasCreate) return stateOfEvents(context, inRoom);
  throw new PeerError('bad-answer', `${source.server} tells a state without a create event`);
};
