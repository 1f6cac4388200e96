import type { RoomOfUser } from '../storage/rooms-of-user.ts';
import type { Changes } from './gather-changes.ts';
import { inSlices } from './in-slices.ts';
import { membershipAt } from './membership-at.ts';
import type { SyncScope } from './sync-scope.ts';

/** A room that may be told of in an answer, under what the user is in it. */
export type Candidate = {
  readonly row: RoomOfUser;
  readonly kind: 'join' | 'invite' | 'knock' | 'leave';
  /** What the user was when the client last heard of the room. */
  readonly before: string;
  /** Joined, and was not before. */
  readonly isNew: boolean;
};

const isWantedRoom = ({ request }: SyncScope, roomId: string): boolean => {
  const { rooms, not_rooms: notRooms } = request.filter.room ?? {};
  return (!rooms || rooms.includes(roomId)) && !notRooms?.includes(roomId);
};

const kindOf = (
  { request, isInitial, ignored, from, upTo }: SyncScope,
  row: RoomOfUser,
  now: string,
): Candidate['kind'] | undefined => {
  if (now === 'join') return 'join';
  const isNews = row.position > from;
  // https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-22
  if (now === 'invite') return isNews && !ignored.has(row.sender) ? 'invite' : undefined;
  if (now === 'knock') return isNews ? 'knock' : undefined;
  if (!isInitial) return isNews && row.position <= upTo ? 'leave' : undefined;
  return request.filter.room?.include_leave && !row.isForgotten ? 'leave' : undefined;
};

const candidateOf = async (scope: SyncScope, row: RoomOfUser): Promise<Candidate | undefined> => {
  const { context, request, isInitial, from, upTo } = scope;
  const isSame = row.since <= from;
  const now = isSame ? row.membership : await membershipAt(context, request.userId, row, upTo);
  const kind = kindOf(scope, row, now);
  if (!kind) return undefined;
  let before = 'leave';
  if (!isInitial) {
    before = isSame ? now : await membershipAt(context, request.userId, row, from);
  }
  return { row, kind, before, isNew: kind === 'join' && before !== 'join' };
};

/** The rooms of a user that the answer may tell of: where memory knows what happened, only those where something did. */
export const candidateRooms = async (
  scope: SyncScope,
  rooms: ReadonlyMap<string, RoomOfUser>,
  changes: Changes | undefined,
): Promise<readonly Candidate[]> => {
  const isAll = scope.isInitial || scope.request.fullState || !changes;
  const roomIds = isAll ? rooms.keys() : changes.rooms.keys();
  const rows = [...roomIds].flatMap((roomId) => rooms.get(roomId) ?? []);
  const wanted = rows.filter(({ roomId }) => isWantedRoom(scope, roomId));
  const found: Candidate[] = [];
  await inSlices(scope, wanted, async (slice) => {
    const candidates = await Promise.all(slice.map((row) => candidateOf(scope, row)));
    found.push(...candidates.filter((one) => one !== undefined));
  });
  return found;
};
