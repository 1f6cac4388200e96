import {
  buildEvent,
  isObject,
  type JsonObject,
  type RoomEvent,
  type RoomVersionRules,
  roomVersionRules,
  sameAsAsked,
  supportedRoomVersions,
} from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { askPeer } from './ask-peer.ts';
import type { RemoteContext } from './remote-context.ts';

/** A change of membership that a user of ours wants in a room that this server is not in. */
export type Wish = {
  readonly kind: 'join' | 'knock' | 'leave';
  readonly roomId: string;
  readonly userId: string;
  /** What goes into the event beside `membership`. */
  readonly content: JsonObject;
};

export type Agreement = {
  readonly server: string;
  readonly rules: RoomVersionRules;
  /** The event as we signed it. */
  readonly event: RoomEvent;
  readonly answer: JsonObject;
};

const sendVersion = { join: 'v2', knock: 'v1', leave: 'v2' } as const;

/** What the other server hands us is signed only when it is what we asked for. */
const completeEvent = (
  { config, federation, now }: RemoteContext,
  wish: Wish,
  made: JsonObject,
  server: string,
): { readonly rules: RoomVersionRules; readonly event: RoomEvent } => {
  const { room_version: roomVersion, event: template } = made;
  const rules = typeof roomVersion === 'string' ? roomVersionRules(roomVersion) : undefined;
  if (!rules || !isObject(template)) {
    throw new PeerError('bad-answer', `${server} offers a room version that was not asked for`);
  }
  const { kind: membership, roomId, userId, content } = wish;
  const same = sameAsAsked(template, {
    roomId,
    sender: userId,
    stateKey: userId,
    type: 'm.room.member',
    membership,
    roomVersion: rules.version,
  });
  if (!same.allowed) throw new PeerError('bad-answer', `${server}: ${same.rule}: ${same.reason}`);
  const event = buildEvent(
    { ...same.template, content: { ...content, ...same.template.content } },
    same.room,
    rules,
    { serverName: config.serverName, key: federation.signingKey, originServerTs: now() },
  );
  return { rules, event };
};

/** Has a membership event made by a server in the room, completes it and hands it in. Throws `PeerError`. */
// https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
export const shakeHands = async (
  context: RemoteContext,
  wish: Wish,
  server: string,
): Promise<Agreement> => {
  const { kind, roomId, userId } = wish;
  const made = await askPeer(context, {
    server,
    method: 'GET',
    path: ['v1', `make_${kind}`, roomId, userId],
    ...(kind !== 'leave' && { query: { ver: supportedRoomVersions } }),
  });
  const { rules, event } = completeEvent(context, wish, made, server);
  const answer = await askPeer(context, {
    server,
    method: 'PUT',
    path: [sendVersion[kind], `send_${kind}`, roomId, event.eventId],
    content: event.pdu,
    ...(kind === 'join' && { lists: ['state', 'auth_chain'] }),
  });
  return { server, rules, event, answer };
};
