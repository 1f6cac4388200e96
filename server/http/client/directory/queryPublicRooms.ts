import type { clientServer } from '@candor/spec';
import { findPublicRooms } from '../../../peers/find-public-rooms.ts';
import type { Handler } from '../../handler.ts';

export const queryPublicRooms: Handler<typeof clientServer.queryPublicRooms> = async (
  context,
  { query, body },
) => findPublicRooms(context, query.server, body);
