import type { JsonObject } from '@candor/federation';
import { sql as raw } from 'kysely';
import type { Tx } from './database.ts';

/** Queues an EDU for other servers; it is sent after the commit, in the order of queueing. */
export const queueEdu = async (
  tx: Tx,
  destinations: readonly string[],
  edu: JsonObject,
): Promise<void> => {
  if (destinations.length === 0) return;
  await raw`
    INSERT INTO outbound_edus (destination, edu)
    SELECT destination, ${JSON.stringify(edu)} FROM unnest(${destinations}::text[]) AS d (destination)
  `.execute(tx.sql);
  tx.tell({ kind: 'outbox', destinations, wakes: [] });
};
