import type { clientServer, QueryOf, ResponseOf } from '@candor/spec';
import type { Session } from '../../../accounts/sessions.ts';
import type { Context } from '../../../context.ts';
import { type RelationsRequest, readRelations } from '../../../rooms/read-relations.ts';
import { asClientEvents } from '../rooms/as-client-events.ts';

/** What relates to an event, as all three paths answer it. */
export const relatingEvents = async (
  context: Context,
  caller: Session,
  query: QueryOf<typeof clientServer.getRelatingEvents>,
  which: RelationsRequest,
): Promise<ResponseOf<typeof clientServer.getRelatingEvents>> => {
  const { dir: direction, ...page } = query;
  const { chunk, ...rest } = await readRelations(context, caller, { ...page, direction, ...which });
  return { ...rest, chunk: asClientEvents(chunk) };
};
