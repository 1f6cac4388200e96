import {
  eventFromPdu,
  isObject,
  type JsonObject,
  type Pdu,
  type RoomEvent,
  type RoomVersionRules,
  readEvent,
  roomVersionRules,
  signEvent,
} from '@candor/federation';
import { MatrixError, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import { checkIncoming } from '../rooms/remote/check-incoming.ts';
import { knownRoom } from '../rooms/remote/known-room.ts';
import { placeOutOfBand } from '../rooms/remote/out-of-band.ts';
import { findCreateEvent, readShownEntries } from '../rooms/remote/shown-state.ts';
import { isServerAllowed } from '../rooms/server-acl.ts';
import { isOpenAccount } from '../storage/existing-accounts.ts';

export type InviteSent = {
  readonly roomId: string;
  readonly eventId: string;
  readonly roomVersion: string;
  readonly pdu: unknown;
  readonly shown: readonly unknown[];
};

const invalid = (reason: string) => new MatrixError('M_INVALID_PARAM', reason);

/** What we put our signature to is an invitation of one of our users by one of theirs, and nothing else. */
const checkShape = (
  { type, content, sender, stateKey, authEvents, roomId }: RoomEvent,
  rules: RoomVersionRules,
  origin: string,
  serverName: string,
): string => {
  if (type !== 'm.room.member' || stateKey === undefined) throw invalid('not a membership event');
  if (content['membership'] !== 'invite') throw invalid('not an invite');
  if (serverNameOf(sender) !== origin) throw invalid('the sender is of another server');
  if (rules.roomIdIsCreateHash && authEvents.includes(`$${roomId.slice(1)}`)) {
    throw invalid('the create event is among the auth events');
  }
  if (serverNameOf(stateKey) === serverName) return stateKey;
  throw invalid('the invited user is of another server');
};

const checkRoom = async (
  { rooms }: Context,
  origin: string,
  roomId: string,
  userId: string,
): Promise<void> => {
  const room = await rooms.get(roomId);
  const isKeptOut = room?.isResident && !isServerAllowed(room, origin);
  if (isKeptOut) throw new MatrixError('M_FORBIDDEN', 'not in this room');
  if (room?.joined.has(userId)) throw new MatrixError('M_FORBIDDEN', 'the user is in the room');
};

/** The state that comes along, as far as it can be judged by somebody who is not in the room. */
// https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
const checkShown = async (
  context: Context,
  shown: readonly unknown[],
  rules: RoomVersionRules,
  { roomId, sender }: RoomEvent,
): Promise<readonly JsonObject[]> => {
  const create = findCreateEvent(shown, rules, roomId);
  if (rules.roomIdIsCreateHash && create === undefined) {
    throw invalid('invite_room_state: no create event of the room');
  }
  const content = isObject(create) && isObject(create['content']) ? create['content'] : undefined;
  if (content && (content['room_version'] ?? '1') !== rules.version) {
    throw invalid('invite_room_state: the room is of another version');
  }
  const creator = isObject(create) ? create['sender'] : undefined;
  const isClosed = content?.['m.federate'] === false && typeof creator === 'string';
  if (isClosed && serverNameOf(creator) !== serverNameOf(sender)) {
    throw new MatrixError('M_FORBIDDEN', 'the room is not federated');
  }
  const { entries, fault } = await readShownEntries(context, shown, rules, roomId);
  if (fault !== undefined) throw invalid(`invite_room_state: ${fault}`);
  return entries;
};

/**
 * Takes an invitation of one of our users to a room of another server, and gives it back with our signature. Throws
 * M_INVALID_PARAM, M_INCOMPATIBLE_ROOM_VERSION, M_NOT_FOUND, M_FORBIDDEN, M_LIMIT_EXCEEDED.
 */
// https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
export const acceptInvite = async (
  context: Context,
  origin: string,
  { roomId, eventId, roomVersion, pdu, shown }: InviteSent,
): Promise<Pdu> => {
  const { config, federation, rooms } = context;
  federation.inviteLimit?.from(origin);
  const rules = roomVersionRules(roomVersion);
  if (!rules) {
    throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'this server does not speak the version', {
      fields: { room_version: roomVersion },
    });
  }
  const read = readEvent(pdu, rules, roomId);
  if (!read.ok) throw invalid(read.reason);
  if (read.redacted) throw invalid('the content hash does not match');
  if (read.event.eventId !== eventId) throw invalid('the event has another id');
  const userId = checkShape(read.event, rules, origin, config.serverName);
  const [checked] = await checkIncoming(context, [pdu], rules, roomId);
  if (!checked?.ok) throw invalid(checked?.reason ?? 'no event');
  const entries = await checkShown(context, shown, rules, read.event);
  federation.inviteLimit?.to(userId);
  if (!(await isOpenAccount(context.db, userId)))
    throw new MatrixError('M_NOT_FOUND', 'no such user');
  await checkRoom(context, origin, roomId, userId);
  const signed = signEvent(read.event.pdu, rules, config.serverName, federation.signingKey);
  const room = await knownRoom(context, roomId, rules);
  // The servers of a room hear of it as of any other event in it.
  if (room.isResident) return signed;
  const event = eventFromPdu(signed, eventId, roomId, rules);
  const { written } = await rooms.write(roomId, (known) =>
    placeOutOfBand(context, known, event, { shown: entries }),
  );
  await written;
  return signed;
};
