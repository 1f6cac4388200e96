import { isObject, type Json, type RoomEvent } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import type { Room } from '../room.ts';
import type { SentEvent } from '../send-in-room.ts';
import { checkIncoming } from './check-incoming.ts';
import { listIn } from './fetch-events.ts';
import { importOutliers } from './import-outliers.ts';
import { knownRoom } from './known-room.ts';
import { placeReceived } from './place-received.ts';
import { receiveEvent } from './receive-event.ts';
import type { RemoteContext } from './remote-context.ts';
import type { Agreement } from './shake-hands.ts';
import { stateOfEvents } from './state-of-events.ts';

const badAnswer = (server: string, text: string) =>
  new PeerError('bad-answer', `${server} ${text}`);

/** Our join as the other server signed it too, which it must where it vouches for us. */
const countersigned = async (
  context: RemoteContext,
  { server, rules, event, answer }: Agreement,
): Promise<RoomEvent> => {
  if (event.content['join_authorised_via_users_server'] === undefined) return event;
  const pdu: Json | undefined = answer['event'];
  const [checked] = await checkIncoming(context, [pdu], rules, event.roomId);
  if (checked?.ok && checked.event.eventId === event.eventId) return checked.event;
  throw badAnswer(server, 'does not sign the join it vouches for');
};

/** The room's version is what its create event says, whatever we were told. */
const isOfVersion = (createEvent: RoomEvent | undefined, version: string): boolean =>
  createEvent !== undefined && (createEvent.content['room_version'] ?? '1') === version;

/** Puts the state and the join into the room, whose own state they replace. */
const place = (
  context: RemoteContext,
  room: Room,
  join: RoomEvent,
  stateIds: readonly string[],
  server: string,
): Promise<SentEvent & { readonly written: Promise<void> }> =>
  context.rooms.write(room.roomId, async (known) => {
    const stored = await context.rooms.events.load(stateIds);
    const inRoom = [...stored.values()].filter((one) => one.roomNid === known.roomNid);
    const create = inRoom.find(({ event }) => event.type === 'm.room.create')?.event;
    if (!isOfVersion(create, known.rules.version)) {
      throw badAnswer(server, 'tells a state without the create event of that version');
    }
    const stateBefore = await stateOfEvents(context, inRoom);
    const standing = { stateBefore, isEntry: true };
    const { reception, written, position } = await placeReceived(context, known, join, standing);
    if ('reason' in reception) {
      await written;
      throw badAnswer(server, `lets us join against the rules: ${reception.reason}`);
    }
    return { eventId: join.eventId, position, written };
  });

/**
 * Comes into a room with the state that another server told us when it took our join: every event checked and judged,
 * then the join put after it. Throws `PeerError` when the answer cannot be used.
 */
// https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
export const enterRoom = async (
  context: RemoteContext,
  agreement: Agreement,
): Promise<SentEvent> => {
  const { server, rules, answer } = agreement;
  const { roomId } = agreement.event;
  const join = await countersigned(context, agreement);
  const source = { roomId, server };
  const room = await knownRoom(context, roomId, rules);
  if (room.isResident) {
    const reception = await receiveEvent(context, source, join);
    const stored = await context.rooms.events.loadOne(join.eventId);
    if (stored && !('reason' in reception))
      return { eventId: join.eventId, position: stored.eventNid };
    throw badAnswer(server, 'lets us join against the rules');
  }
  const state = listIn(answer, 'state').filter(isObject);
  const chain = listIn(answer, 'auth_chain').filter(isObject);
  const checked = await checkIncoming(context, [...state, ...chain], rules, roomId);
  const events = checked.flatMap((one) => (one.ok ? [one.event] : []));
  const stateIds = checked
    .slice(0, state.length)
    .flatMap((one) => (one.ok ? [one.event.eventId] : []));
  await importOutliers(context, source, events);
  const { written, ...sent } = await place(context, room, join, stateIds, server);
  await written;
  return sent;
};
