import type { Receipt } from '../notifier.ts';
import { readReceipts } from '../storage/receipts.ts';
import { type RoomOfUser, readRoomsWithNews } from '../storage/rooms-of-user.ts';
import type { AccountNews } from './account-news.ts';
import type { Candidate } from './candidate-rooms.ts';
import type { Changes, RoomChanges } from './gather-changes.ts';
import { writeJoinedRoom } from './joined-rooms.ts';
import { writeLeftRoom } from './left-room.ts';
import { writePendingRoom } from './pending-rooms.ts';
import type { SyncScope } from './sync-scope.ts';

/** Rooms that are worked at side by side: enough to keep the database busy. */
const roomsAtOnce = 16;

const inParallel = async <T>(items: readonly T[], work: (item: T) => Promise<void>) => {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(roomsAtOnce, items.length) }, worker));
};

const noChanges: RoomChanges = { eventIds: [], moves: [], receipts: [] };

/** The joined rooms in which something may have happened. */
const withNews = async (
  { context, isInitial, request, from }: SyncScope,
  joined: readonly Candidate[],
  changes: Changes | undefined,
  news: AccountNews,
): Promise<readonly Candidate[]> => {
  if (isInitial || request.fullState || changes) return joined;
  const nids = joined.map(({ row }) => row.roomNid);
  const withEvents = await readRoomsWithNews(context.db, nids, from);
  return joined.filter(
    ({ row, isNew }) =>
      isNew ||
      withEvents.has(row.roomNid) ||
      news.byRoom.has(row.roomId) ||
      context.rooms.typing.since(row.roomId, from) !== undefined,
  );
};

/** Receipts that memory does not have, by room. */
const readMissingReceipts = async (
  { context, from, upTo }: SyncScope,
  joined: readonly Candidate[],
  changes: Changes | undefined,
): Promise<(row: RoomOfUser) => readonly Receipt[]> => {
  const nids = (isNew: boolean) =>
    joined.filter((one) => one.isNew === isNew).map(({ row }) => row.roomNid);
  const [ofNew, ofOthers] = [nids(true), changes ? [] : nids(false)];
  const read = [
    ...(ofNew.length > 0 ? await readReceipts(context.db, ofNew, 0, upTo) : []),
    ...(ofOthers.length > 0 ? await readReceipts(context.db, ofOthers, from, upTo) : []),
  ];
  const byRoom = Map.groupBy(read, ({ roomNid }) => roomNid);
  return ({ roomNid }) => byRoom.get(roomNid) ?? [];
};

const writeJoined = async (
  scope: SyncScope,
  candidates: readonly Candidate[],
  changes: Changes | undefined,
  news: AccountNews,
): Promise<string[]> => {
  const joined = await withNews(scope, candidates, changes, news);
  const receiptsOf = await readMissingReceipts(scope, joined, changes);
  const texts: string[] = [];
  await inParallel(joined, async ({ row, isNew }) => {
    const { roomId } = row;
    const { after } = changes ?? {};
    const inMemory = isNew ? undefined : (changes?.rooms.get(roomId) ?? (changes && noChanges));
    const text = await writeJoinedRoom(scope, {
      row,
      isNew,
      changes: inMemory && after !== undefined ? { ...inMemory, after } : undefined,
      extras: {
        receipts: inMemory?.receipts ?? receiptsOf(row),
        typing: scope.context.rooms.typing.since(roomId, isNew ? 0 : scope.from),
        accountData: news.byRoom.get(roomId) ?? [],
      },
    });
    if (text) texts.push(`${JSON.stringify(roomId)}:${text}`);
  });
  return texts;
};

/** `rooms` of an answer without its braces; empty when no room has anything to tell. Without `changes` the database says what happened. */
export const writeRooms = async (
  scope: SyncScope,
  candidates: readonly Candidate[],
  changes: Changes | undefined,
  news: AccountNews,
): Promise<string> => {
  const of = (kind: Candidate['kind']) => candidates.filter((one) => one.kind === kind);
  const texts: Record<Candidate['kind'], string[]> = {
    join: await writeJoined(scope, of('join'), changes, news),
    invite: [],
    knock: [],
    leave: [],
  };
  for (const kind of ['invite', 'knock', 'leave'] as const) {
    await inParallel(of(kind), async ({ row, before }) => {
      const text =
        kind === 'leave'
          ? await writeLeftRoom(scope, row, before, changes?.rooms.get(row.roomId))
          : await writePendingRoom(scope, row, kind === 'invite' ? 'invite_state' : 'knock_state');
      texts[kind].push(`${JSON.stringify(row.roomId)}:${text}`);
    });
  }
  return (['join', 'invite', 'knock', 'leave'] as const)
    .filter((kind) => texts[kind].length > 0)
    .map((kind) => `"${kind}":{${texts[kind].join(',')}}`)
    .join(',');
};
