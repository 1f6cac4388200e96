import { eventFromPdu, isObject, type Pdu, type RoomEvent } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { MatrixError, serverNameOf } from '@candor/spec';
import { buildRoomEvent } from '../build-room-event.ts';
import type { SentEvent } from '../send-in-room.ts';
import type { MembershipChange } from '../send-membership.ts';
import { readShownState } from '../stripped-state.ts';
import { askPeer } from './ask-peer.ts';
import { checkIncoming } from './check-incoming.ts';
import { signedByPolicy } from './policy-server.ts';
import { receiveEvent } from './receive-event.ts';
import type { RemoteContext } from './remote-context.ts';
import { tryServers } from './try-servers.ts';

type Invitation = { readonly event: RoomEvent; readonly shown: readonly Pdu[] };

const build = (context: RemoteContext, change: MembershipChange): Promise<Invitation> =>
  context.rooms.write(change.roomId, async (room) => {
    const { sender, target, reason, content } = change;
    if (!room.joined.has(sender)) throw new MatrixError('M_FORBIDDEN', 'the sender is not joined');
    const built = await buildRoomEvent(context, room, {
      type: 'm.room.member',
      stateKey: target,
      sender,
      content: { ...content, ...(reason !== undefined && { reason }), membership: 'invite' },
    });
    const event = await signedByPolicy(context, room, built);
    const shown = await readShownState(room, context.rooms.events, sender);
    return { event, shown: shown.map((one) => one.pdu) };
  });

/** The invitation with the signature that the invited user's server adds, and nothing else of its. */
const countersigned = async (
  context: RemoteContext,
  { event, shown }: Invitation,
  server: string,
): Promise<RoomEvent> => {
  const { roomId, eventId } = event;
  const room = await context.rooms.get(roomId);
  if (!room) throw new MatrixError('M_NOT_FOUND', 'this server does not know the room');
  const { rules } = room;
  const answer = await askPeer(context, {
    server,
    method: 'PUT',
    path: ['v2', 'invite', roomId, eventId],
    content: { room_version: rules.version, event: event.pdu, invite_room_state: shown },
  });
  const [checked] = await checkIncoming(context, [answer['event']], rules, roomId);
  const theirs = checked?.ok && checked.event.eventId === eventId ? checked.event.pdu : undefined;
  const signatures = theirs?.['signatures'];
  const own = isObject(signatures) ? signatures[server] : undefined;
  if (own === undefined) {
    throw new PeerError('bad-answer', `${server} does not sign the invitation`);
  }
  const ours = event.pdu['signatures'];
  const pdu: Pdu = { ...event.pdu, signatures: { ...(isObject(ours) && ours), [server]: own } };
  return eventFromPdu(pdu, eventId, roomId, rules);
};

/**
 * Invites a user of another server, whose server must sign it. Throws M_FORBIDDEN, M_CONNECTION_FAILED, and what that
 * server refuses with.
 */
// https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
export const inviteRemote = async (
  context: RemoteContext,
  change: MembershipChange,
): Promise<SentEvent> => {
  const server = serverNameOf(change.target) ?? '';
  if (!context.federation.isAllowed(server)) {
    throw new MatrixError('M_FORBIDDEN', 'this server does not deal with the server of the user');
  }
  const { roomId, target } = change;
  const invitation = await build(context, change);
  const { eventId } = invitation.event;
  const reception = await context.rooms.invitations.run(`${roomId} ${target}`, async () => {
    const event = await tryServers([server], () => countersigned(context, invitation, server));
    return receiveEvent(context, { roomId, server }, event);
  });
  const stored = await context.rooms.events.loadOne(eventId);
  if (stored && reception.kind === 'accepted') return { eventId, position: stored.eventNid };
  const reason = 'reason' in reception ? reception.reason : 'the room does not allow it any more';
  throw new MatrixError('M_FORBIDDEN', reason);
};
