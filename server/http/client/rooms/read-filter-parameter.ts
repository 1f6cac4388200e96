import { parseJson } from '@candor/federation';
import { MatrixError, roomEventFilter } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { RoomEventFilter } from '../../../rooms/event-filter.ts';

const validator = Compile(roomEventFilter);

/** The `filter` of a query, which is JSON in text. Throws M_INVALID_PARAM. */
export const readFilterParameter = (text: string | undefined): RoomEventFilter | undefined => {
  if (text === undefined) return undefined;
  let filter: unknown;
  try {
    filter = parseJson(text);
  } catch (cause) {
    throw new MatrixError('M_INVALID_PARAM', 'filter: not JSON', { cause });
  }
  if (validator.Check(filter)) return filter;
  throw new MatrixError('M_INVALID_PARAM', 'filter: not a filter of room events');
};
