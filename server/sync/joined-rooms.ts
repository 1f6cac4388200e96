import type { Receipt } from '../notifier.ts';
import type { Room } from '../rooms/room.ts';
import type { RoomOfUser } from '../storage/rooms-of-user.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { writeEphemeral } from './ephemeral.ts';
import type { RoomChanges } from './gather-changes.ts';
import { type RoomPart, writeRoomPart } from './room-part.ts';
import type { StateWanted } from './room-state.ts';
import { roomFilterOf, type SyncScope } from './sync-scope.ts';
import type { UnreadCount } from './unread-counts.ts';

/** What is told of a room besides its events. */
export type RoomExtras = {
  readonly receipts: readonly Receipt[];
  readonly typing: readonly string[] | undefined;
  /** JSON texts of account data events. */
  readonly accountData: readonly string[];
};

/** A joined room, and what is known of what happened in it. */
export type JoinedRoom = {
  readonly row: RoomOfUser;
  /** The client has not been in the room before `from`. */
  readonly isNew: boolean;
  /** What memory has of it behind a position; undefined where the database has to say. */
  readonly changes: (RoomChanges & { readonly after: StreamPosition }) | undefined;
  readonly extras: RoomExtras;
};

const summaryText = ({ joined, invited, heroes }: NonNullable<RoomPart['summary']>): string =>
  JSON.stringify({
    'm.heroes': heroes,
    'm.joined_member_count': joined,
    'm.invited_member_count': invited,
  });

const stateWanted = (isFull: boolean, changes: RoomChanges | undefined): StateWanted => {
  if (isFull) return { kind: 'all' };
  return changes?.moves ? { kind: 'moves', moves: changes.moves } : { kind: 'after' };
};

const countText = ({ notifications, highlights }: UnreadCount): string =>
  `{"highlight_count":${highlights},"notification_count":${notifications}}`;

const sumOf = (counts: Iterable<UnreadCount>): UnreadCount => {
  const sum = { notifications: 0, highlights: 0 };
  for (const { notifications, highlights } of counts) {
    sum.notifications += notifications;
    sum.highlights += highlights;
  }
  return sum;
};

/** For the whole room, or thread by thread for who asks for that. */
const writeUnread = async (
  scope: SyncScope,
  room: Room,
  row: RoomOfUser,
  changes: JoinedRoom['changes'],
): Promise<string> => {
  const counts = await scope.context.sync.unread.of(scope, room, row, changes);
  if (!roomFilterOf(scope.request, 'timeline').unread_thread_notifications) {
    return `"unread_notifications":${countText(sumOf(counts.values()))}`;
  }
  const { main = sumOf([]), ...threads } = Object.fromEntries(counts);
  const texts = Object.entries(threads).map(
    ([id, one]) => `${JSON.stringify(id)}:${countText(one)}`,
  );
  return `"unread_notifications":${countText(main)},"unread_thread_notifications":{${texts.join(',')}}`;
};

/** The part of an answer about one joined room; undefined when there is nothing to tell. */
export const writeJoinedRoom = async (
  scope: SyncScope,
  { row, isNew, changes, extras }: JoinedRoom,
): Promise<string | undefined> => {
  const { context, request, isInitial, from, upTo } = scope;
  const room = await context.rooms.get(row.roomId);
  if (!room) return undefined;
  const isFull = isNew || request.fullState;
  const part = await writeRoomPart(scope, {
    range: {
      room,
      from: isNew ? 0 : from,
      upTo,
      ...(!isNew && { eventIds: changes?.eventIds }),
      ...(row.membership === 'join' && { joinedSince: row.since }),
    },
    state: stateWanted(isFull, changes),
    isFull,
    breaksTimeline: isNew && !isInitial,
  });
  const ephemeral = writeEphemeral(scope, row.roomId, extras.receipts, extras.typing);
  const { accountData } = extras;
  const hasRead = extras.receipts.some(({ userId }) => userId === request.userId);
  const isEmpty = part.isEmpty && ephemeral.length === 0 && accountData.length === 0;
  if (isEmpty && !isFull && !hasRead) return undefined;
  const summary = part.summary ? `"summary":${summaryText(part.summary)},` : '';
  const unread = await writeUnread(scope, room, row, changes);
  return `{${summary}${part.text},${unread},"ephemeral":{"events":[${ephemeral.join(',')}]},"account_data":{"events":[${accountData.join(',')}]}}`;
};
