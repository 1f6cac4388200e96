import { type KeyObject, verify } from 'node:crypto';
import {
  decodeBase64,
  eventFromPdu,
  isObject,
  type Json,
  type Pdu,
  publicKeyFromBase64,
  type RoomEvent,
  signedBytesOfEvent,
} from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { limits, MatrixError } from '@candor/spec';
import type { RoomContext } from '../build-room-event.ts';
import { type Room, roomSettings } from '../room.ts';
import { tryServers } from './try-servers.ts';

const keyId = 'ed25519:policy_server';

type Policy = { readonly server: string; readonly key: KeyObject };

/** The policy server of a room, which has to have somebody in it. */
// https://spec.matrix.org/v1.19/server-server-api/#determining-if-a-policy-server-is-enabled-in-a-room
const policyOf = ({ settings, servers }: Room): Policy | undefined => {
  const content = settings.get(roomSettings.policy)?.content;
  const { via: server, public_keys: keys } = content ?? {};
  const text = isObject(keys) ? keys['ed25519'] : undefined;
  const key = typeof text === 'string' ? publicKeyFromBase64(text) : undefined;
  return key && typeof server === 'string' && servers.has(server) ? { server, key } : undefined;
};

const isSigned = (room: Room, event: RoomEvent, { server, key }: Policy): boolean => {
  const all = event.pdu['signatures'];
  const own = isObject(all) && Object.hasOwn(all, server) ? all[server] : undefined;
  const text = isObject(own) ? own[keyId] : undefined;
  const signature = typeof text === 'string' ? decodeBase64(text) : undefined;
  if (!signature) return false;
  return verify(null, signedBytesOfEvent(event, room.rules), key, signature);
};

/** Whether the room's policy server, where there is one, lets the event pass. */
// https://spec.matrix.org/v1.19/server-server-api/#validating-policy-server-signatures
export const isRecommended = (room: Room, event: RoomEvent): boolean => {
  const policy = policyOf(room);
  const isPolicy = event.type === 'm.room.policy' && event.stateKey === '';
  return !policy || isPolicy || isSigned(room, event, policy);
};

const withSignature = (room: Room, event: RoomEvent, server: string, text: Json): RoomEvent => {
  const all = event.pdu['signatures'];
  const own = isObject(all) ? all[server] : undefined;
  const signatures = {
    ...(isObject(all) && all),
    [server]: { ...(isObject(own) && own), [keyId]: text },
  };
  const pdu: Pdu = { ...event.pdu, signatures };
  return eventFromPdu(pdu, event.eventId, event.roomId, room.rules);
};

/**
 * The event with the signature of the room's policy server, where it needs one and has none. Throws the refusal of
 * that server.
 */
// https://spec.matrix.org/v1.19/server-server-api/#asking-for-a-policy-server-signature-on-an-event
export const signedByPolicy = (
  { federation }: RoomContext,
  room: Room,
  event: RoomEvent,
): Promise<RoomEvent> | RoomEvent => {
  const policy = policyOf(room);
  if (!policy || isRecommended(room, event)) return event;
  return tryServers([policy.server], async (server) => {
    const { body } = await federation.client.request({
      destination: server,
      method: 'POST',
      path: '/_matrix/policy/v1/sign',
      content: event.pdu,
      timeoutMs: limits.policyServerTimeoutMs,
      maxBytes: limits.peerErrorBytesMax,
    });
    const own = isObject(body) ? body[server] : undefined;
    const text = isObject(own) ? own[keyId] : undefined;
    const signed = withSignature(room, event, server, text ?? null);
    if (isRecommended(room, signed)) return signed;
    throw new PeerError('bad-answer', `${server} does not sign by the key that the room names`);
  });
};

const isSilent = ({ cause }: MatrixError): boolean =>
  cause instanceof PeerError && (cause.kind === 'timeout' || cause.kind === 'unreachable');

/**
 * The same for an event of another server, which is soft-failed later when it stays without. A policy server that
 * gives no answer is left alone for a while: to wait for it at each event would hold up the event's server.
 */
export const askForPolicy = async (
  context: RoomContext,
  room: Room,
  event: RoomEvent,
): Promise<RoomEvent> => {
  const { unavailable } = context.rooms;
  const name = `policy server of ${room.roomId}`;
  if (unavailable.has(name)) return event;
  try {
    return await signedByPolicy(context, room, event);
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    if (isSilent(error)) unavailable.set(name, true, { ttl: limits.policyServerSilenceMs });
    return event;
  }
};
