import type { RoomEvent, RoomVersionRules } from '@candor/federation';
import { fetchAuthChain } from './fetch-auth-chain.ts';
import { fetchEvents } from './fetch-events.ts';
import { importOutliers } from './import-outliers.ts';
import type { RemoteContext, RemoteSource } from './remote-context.ts';
import { isJudged } from './unjudged.ts';

const unknownCitations = async (
  { rooms }: RemoteContext,
  { authEvents }: RoomEvent,
): Promise<readonly string[]> => {
  const known = await rooms.events.load(authEvents);
  return authEvents.filter((eventId) => !isJudged(known.get(eventId)));
};

/** Sees that everything an event cites is stored, with its auth chain; false when that cannot be had. */
export const importCitations = async (
  context: RemoteContext,
  source: RemoteSource,
  rules: RoomVersionRules,
  event: RoomEvent,
): Promise<boolean> => {
  if ((await unknownCitations(context, event)).length === 0) return true;
  const chain = await fetchAuthChain(context, source, rules, event.eventId);
  await importOutliers(context, source, chain);
  const open = await unknownCitations(context, event);
  if (open.length === 0) return true;
  // A server may tell no chain and still have the events.
  await importOutliers(context, source, await fetchEvents(context, source, rules, open));
  return (await unknownCitations(context, event)).length === 0;
};
