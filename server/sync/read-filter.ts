import { parseJson } from '@candor/federation';
import { MatrixError, syncFilter } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { Db } from '../storage/database.ts';
import { readFilter } from '../storage/filters.ts';
import type { SyncFilter } from './sync-scope.ts';

const validator = Compile(syncFilter);

const readInline = (text: string): SyncFilter => {
  let filter: unknown;
  try {
    filter = parseJson(text);
  } catch (cause) {
    throw new MatrixError('M_INVALID_PARAM', 'filter: not JSON', { cause });
  }
  if (validator.Check(filter)) return filter;
  throw new MatrixError('M_INVALID_PARAM', 'filter: not a filter of /sync');
};

/** A filter by its id or as JSON in text; what it starts with tells which. Throws M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
export const readSyncFilter = async (
  db: Db,
  userId: string,
  text: string | undefined,
): Promise<SyncFilter> => {
  if (text === undefined) return {};
  if (text.startsWith('{')) return readInline(text);
  const stored = /^\d{1,9}$/.test(text) ? await readFilter(db, userId, Number(text)) : undefined;
  if (stored === undefined) throw new MatrixError('M_INVALID_PARAM', 'filter: no such filter');
  return stored as SyncFilter;
};
