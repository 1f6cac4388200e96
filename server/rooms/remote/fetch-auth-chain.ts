import type { RoomEvent, RoomVersionRules } from '@candor/federation';
import { PeerError } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import { askPeer } from './ask-peer.ts';
import { checkIncoming } from './check-incoming.ts';
import { listIn } from './fetch-events.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';

/** The auth chain of an event from another server, checked; nothing when the server does not give it, or gives too much. */
// https://spec.matrix.org/v1.19/server-server-api/#retrieving-event-authorisation-information
export const fetchAuthChain = async (
  context: RemoteContext,
  { roomId, server }: RemoteSource,
  rules: RoomVersionRules,
  eventId: string,
): Promise<readonly RoomEvent[]> => {
  try {
    const path = ['v1', 'event_auth', roomId, eventId];
    const question = { server, method: 'GET', path, lists: ['auth_chain'] } as const;
    const pdus = listIn(await askPeer(context, question), 'auth_chain');
    if (pdus.length > limits.authChainEventsMax) return [];
    const checked = await checkIncoming(context, pdus, rules, roomId);
    return checked.flatMap((one) => (one.ok ? [one.event] : []));
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    context.log.debug({ err: error, server, eventId }, 'an auth chain could not be fetched');
    return [];
  }
};
