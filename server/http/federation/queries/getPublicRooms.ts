import type { federation } from '@candor/spec';
import { publicRooms } from '../../../rooms/public-rooms.ts';
import type { Handler } from '../../handler.ts';

export const getPublicRooms: Handler<typeof federation.getPublicRooms> = ({ db }, { query }) =>
  publicRooms(db, query);
