import { limits, MatrixError } from '@candor/spec';
import type { Db } from '../storage/database.ts';
import { describeRooms, readPublishedRooms } from '../storage/room-directory.ts';
import { type RoomSummary, summarise } from './room-summary.ts';

export type PublicRoomsRequest = {
  readonly limit?: number | undefined;
  readonly since?: string | undefined;
  readonly searchTerm?: string | undefined;
  /** `null` stands for ordinary rooms. */
  readonly roomTypes?: readonly (string | null)[] | undefined;
};

export type PublicRooms = {
  readonly chunk: RoomSummary[];
  readonly next_batch?: string;
  readonly prev_batch?: string;
  readonly total_room_count_estimate: number;
};

const readOffset = (since: string | undefined): number => {
  if (since === undefined) return 0;
  const offset = /^p(\d{1,9})$/.exec(since)?.[1];
  if (offset === undefined) throw new MatrixError('M_INVALID_PARAM', 'since: not a token');
  return Number(offset);
};

const isWanted = (room: RoomSummary, { searchTerm, roomTypes }: PublicRoomsRequest): boolean => {
  if (roomTypes && !roomTypes.includes(room.room_type ?? null)) return false;
  if (!searchTerm) return true;
  const term = searchTerm.toLowerCase();
  const texts = [room.name, room.topic, room.canonical_alias];
  return texts.some((text) => text?.toLowerCase().includes(term));
};

/** A page of this server's public room list, the largest rooms first. Throws M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms
export const publicRooms = async (db: Db, request: PublicRoomsRequest): Promise<PublicRooms> => {
  const offset = readOffset(request.since);
  const limit = Math.min(request.limit ?? limits.publicRoomsPageMax, limits.publicRoomsPageMax);
  const rooms = (await describeRooms(db, await readPublishedRooms(db)))
    .map(summarise)
    .filter((room) => isWanted(room, request))
    .sort(
      (one, other) =>
        other.num_joined_members - one.num_joined_members || (one.room_id < other.room_id ? -1 : 1),
    );
  const end = offset + limit;
  return {
    chunk: rooms.slice(offset, end),
    ...(end < rooms.length && { next_batch: `p${end}` }),
    ...(offset > 0 && { prev_batch: `p${Math.max(0, offset - limit)}` }),
    total_room_count_estimate: rooms.length,
  };
};
