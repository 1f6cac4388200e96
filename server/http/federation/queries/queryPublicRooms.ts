import type { federation } from '@candor/spec';
import { publicRooms } from '../../../rooms/public-rooms.ts';
import type { Handler } from '../../handler.ts';

export const queryPublicRooms: Handler<typeof federation.queryPublicRooms> = (
  { db },
  { body: { limit, since, filter } },
) =>
  publicRooms(db, {
    limit,
    since,
    searchTerm: filter?.generic_search_term,
    roomTypes: filter?.room_types,
  });
