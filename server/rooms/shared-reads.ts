import { limits } from '@candor/spec';
import type { Db } from '../storage/database.ts';
import { readStrippedStates } from '../storage/memberships.ts';
import { readTogether } from '../storage/read-together.ts';
import { readReceiptsOfUsers, type UserInRoom } from '../storage/receipts.ts';
import { type ParentsQuery, readChildSummaries } from '../storage/relations.ts';
import { type Arrivals, readArrivals } from '../storage/timeline.ts';

/** Reads of single rooms that become one when rooms are worked at side by side. */
export const createSharedReads = (db: Db) => ({
  arrivals: readTogether((ranges: readonly Arrivals[]) => readArrivals(db, ranges)),
  receiptsOfUser: readTogether((wanted: readonly UserInRoom[]) => readReceiptsOfUsers(db, wanted)),
  strippedState: readTogether((wanted: readonly UserInRoom[]) => readStrippedStates(db, wanted)),
  childSummaries: readTogether((queries: readonly ParentsQuery[]) =>
    readChildSummaries(db, queries, limits.relationsBundledMax),
  ),
});
