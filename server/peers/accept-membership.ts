import { type Json, type Pdu, type RoomEvent, readEvent, signEvent } from '@candor/federation';
import { MatrixError, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import { authoriseJoin } from '../rooms/authorise-join.ts';
import { readCurrentMembership } from '../rooms/current-membership.ts';
import { checkIncoming } from '../rooms/remote/check-incoming.ts';
import { receiveEvent } from '../rooms/remote/receive-event.ts';
import type { Room } from '../rooms/room.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { roomForServer } from './room-for-server.ts';

export type MembershipSent = {
  readonly roomId: string;
  readonly eventId: string;
  readonly pdu: unknown;
  readonly membership: 'join' | 'knock' | 'leave';
};

const invalid = (reason: string) => new MatrixError('M_INVALID_PARAM', reason);

const checkShape = (event: RoomEvent, origin: string, membership: string): void => {
  const { type, content, sender, stateKey } = event;
  if (type !== 'm.room.member') throw invalid('not a membership event');
  if (content['membership'] !== membership) throw invalid(`not a ${membership}`);
  if (stateKey !== sender) throw invalid('state_key is not the sender');
  if (serverNameOf(sender) !== origin) throw invalid('the sender is of another server');
};

/** A join on the word of one of our users gets our signature, when that user may give it. */
// https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms
const countersign = async (context: Context, room: Room, event: RoomEvent): Promise<Pdu> => {
  const { serverName } = context.config;
  const via = event.content['join_authorised_via_users_server'];
  const isOurs = typeof via === 'string' && serverNameOf(via) === serverName;
  if (event.content['membership'] !== 'join' || !isOurs) return event.pdu;
  const present = await readCurrentMembership(context, room, event.sender);
  if (present !== 'join' && present !== 'invite') await authoriseJoin(context, room, event.sender);
  return signEvent(event.pdu, room.rules, serverName, context.federation.signingKey);
};

/**
 * Takes the membership event that a user of another server completed, and passes it on to the other servers of the
 * room. Throws M_NOT_FOUND, M_FORBIDDEN, M_INVALID_PARAM.
 */
export const acceptMembership = async (
  context: Context,
  origin: string,
  { roomId, eventId, pdu, membership }: MembershipSent,
): Promise<{ readonly room: Room; readonly stored: StoredEvent }> => {
  const room = await roomForServer(context, origin, roomId);
  const read = readEvent(pdu, room.rules, roomId);
  if (!read.ok) throw invalid(read.reason);
  if (read.redacted) throw invalid('the content hash does not match');
  if (read.event.eventId !== eventId) throw invalid('the event has another id');
  checkShape(read.event, origin, membership);
  const signed: Json = await countersign(context, room, read.event);
  const [checked] = await checkIncoming(context, [signed], room.rules, roomId);
  if (!checked?.ok) throw invalid(checked?.reason ?? 'no event');
  const source = { roomId, server: origin };
  const reception = await receiveEvent(context, source, checked.event, { isRelayed: true });
  const stored = await context.rooms.events.loadOne(eventId);
  const isTaken = reception.kind === 'accepted' || reception.kind === 'known';
  if (!isTaken || !stored || stored.isSoftFailed || stored.rejectedFor !== null) {
    const reason = 'reason' in reception ? reception.reason : 'the room does not allow it now';
    throw new MatrixError('M_FORBIDDEN', reason);
  }
  return { room, stored };
};
