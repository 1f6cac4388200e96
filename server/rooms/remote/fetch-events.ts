import { isObject, type Json, type RoomEvent, type RoomVersionRules } from '@candor/federation';
import { limits } from '@candor/spec';
import { askPeer } from './ask-peer.ts';
import { checkIncoming } from './check-incoming.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';

/** The list under a name of an answer; nothing when it is none. */
export const listIn = (answer: { readonly [key: string]: Json }, name: string): readonly Json[] => {
  const list = answer[name];
  return Array.isArray(list) ? list : [];
};

const fetchOne = async (
  context: RemoteContext,
  { server }: RemoteSource,
  eventId: string,
): Promise<readonly Json[]> => {
  try {
    const answer = await askPeer(context, {
      server,
      method: 'GET',
      path: ['v1', 'event', eventId],
    });
    return listIn(answer, 'pdus').filter(isObject).slice(0, 1);
  } catch (err) {
    context.log.debug({ err, server, eventId }, 'an event could not be fetched');
    return [];
  }
};

/** Single events from another server, checked; those that it does not have, or that are not as they should be, are left out. */
export const fetchEvents = async (
  context: RemoteContext,
  source: RemoteSource,
  rules: RoomVersionRules,
  eventIds: readonly string[],
): Promise<readonly RoomEvent[]> => {
  const wanted = new Set(eventIds);
  const pdus: Json[] = [];
  const open = [...wanted];
  const work = async (): Promise<void> => {
    for (let eventId = open.pop(); eventId !== undefined; eventId = open.pop()) {
      pdus.push(...(await fetchOne(context, source, eventId)));
    }
  };
  await Promise.all(Array.from({ length: limits.eventFetchesAtOnceMax }, work));
  const checked = await checkIncoming(context, pdus, rules, source.roomId);
  return checked.flatMap((one) => (one.ok && wanted.has(one.event.eventId) ? [one.event] : []));
};
