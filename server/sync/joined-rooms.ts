import type { Receipt } from '../notifier.ts';
import type { RoomCounts, RoomOfUser } from '../storage/rooms-of-user.ts';
import { writeEphemeral } from './ephemeral.ts';
import type { RoomChanges } from './gather-changes.ts';
import { writeRoomPart } from './room-part.ts';
import type { StateWanted } from './room-state.ts';
import type { SyncScope } from './sync-scope.ts';

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
  /** What memory has of it; undefined where the database has to say. */
  readonly changes: RoomChanges | undefined;
  readonly extras: RoomExtras;
};

const summaryText = (counts: RoomCounts, heroes: readonly string[]): string =>
  JSON.stringify({
    'm.heroes': heroes,
    'm.joined_member_count': counts.joined,
    'm.invited_member_count': counts.invited,
  });

const stateWanted = (isFull: boolean, changes: RoomChanges | undefined): StateWanted => {
  if (isFull) return { kind: 'all' };
  return changes?.moves ? { kind: 'moves', moves: changes.moves } : { kind: 'after' };
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
  let counts: RoomCounts | undefined;
  const part = await writeRoomPart(
    scope,
    {
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
    },
    async () => {
      counts = (await context.sync.counts.of([row])).get(row.roomId);
      return counts;
    },
  );
  const ephemeral = writeEphemeral(scope, row.roomId, extras.receipts, extras.typing);
  const { accountData } = extras;
  if (part.isEmpty && !isFull && ephemeral.length === 0 && accountData.length === 0) {
    return undefined;
  }
  const summary = counts && part.heroes ? `"summary":${summaryText(counts, part.heroes)},` : '';
  return `{${summary}${part.text},"ephemeral":{"events":[${ephemeral.join(',')}]},"account_data":{"events":[${accountData.join(',')}]}}`;
};
