import type { Receipt } from '../notifier.ts';
import { readReceipts } from '../storage/receipts.ts';
import { type RoomOfUser, readRoomsWithNews } from '../storage/rooms-of-user.ts';
import type { AccountNews } from './account-news.ts';
import type { Candidate } from './candidate-rooms.ts';
import type { Changes, RoomChanges } from './gather-changes.ts';
import { inSlices } from './in-slices.ts';
import { writeJoinedRoom } from './joined-rooms.ts';
import { writeLeftRoom } from './left-room.ts';
import { writePendingRoom } from './pending-rooms.ts';
import type { PiecedText } from './pieced-text.ts';
import type { SyncScope } from './sync-scope.ts';

/** What is known before the rooms are looked at. Without `changes` the database says what happened. */
export type RoomNews = {
  readonly changes: Changes | undefined;
  readonly account: AccountNews;
};

/** JSON texts of some rooms, in their order; undefined where a room has nothing to tell. */
type WriteSlice = (
  scope: SyncScope,
  slice: readonly Candidate[],
  news: RoomNews,
) => Promise<readonly (string | undefined)[]>;

const noChanges: RoomChanges = { eventIds: [], moves: [], receipts: [] };

/** The rooms in which something may have happened. */
const withNews = async (
  { context, isInitial, request, from }: SyncScope,
  candidates: readonly Candidate[],
  { changes, account }: RoomNews,
): Promise<readonly Candidate[]> => {
  if (isInitial || request.fullState || changes) return candidates;
  const joined = candidates.filter(({ kind }) => kind === 'join');
  const nids = joined.map(({ row }) => row.roomNid);
  const withEvents = await readRoomsWithNews(context.db, nids, from);
  return candidates.filter(
    ({ kind, row, isNew }) =>
      kind !== 'join' ||
      isNew ||
      withEvents.has(row.roomNid) ||
      account.byRoom.has(row.roomId) ||
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

const writeJoined: WriteSlice = async (scope, slice, { changes, account }) => {
  const receiptsOf = await readMissingReceipts(scope, slice, changes);
  const { after } = changes ?? {};
  return Promise.all(
    slice.map(({ row, isNew }) => {
      const { roomId } = row;
      const inMemory = isNew ? undefined : (changes?.rooms.get(roomId) ?? (changes && noChanges));
      return writeJoinedRoom(scope, {
        row,
        isNew,
        changes: inMemory && after !== undefined ? { ...inMemory, after } : undefined,
        extras: {
          receipts: inMemory?.receipts ?? receiptsOf(row),
          typing: scope.context.rooms.typing.since(roomId, isNew ? 0 : scope.from),
          accountData: account.byRoom.get(roomId) ?? [],
        },
      });
    }),
  );
};

const writers: Readonly<Record<Candidate['kind'], WriteSlice>> = {
  join: writeJoined,
  invite: (scope, slice) =>
    Promise.all(slice.map(({ row }) => writePendingRoom(scope, row, 'invite_state'))),
  knock: (scope, slice) =>
    Promise.all(slice.map(({ row }) => writePendingRoom(scope, row, 'knock_state'))),
  leave: (scope, slice, { changes }) =>
    Promise.all(
      slice.map(({ row, before }) =>
        writeLeftRoom(scope, row, before, changes?.rooms.get(row.roomId)),
      ),
    ),
};

/** Adds `,"rooms":{…}` to the text, or nothing when no room has anything to tell; says whether one has. */
export const writeRooms = async (
  scope: SyncScope,
  candidates: readonly Candidate[],
  news: RoomNews,
  text: PiecedText,
): Promise<boolean> => {
  const byKind = Map.groupBy(await withNews(scope, candidates, news), ({ kind }) => kind);
  let open: Candidate['kind'] | undefined;
  for (const kind of ['join', 'invite', 'knock', 'leave'] as const) {
    await inSlices(scope, byKind.get(kind) ?? [], async (slice) => {
      const written = await writers[kind](scope, slice, news);
      for (const [index, { row }] of slice.entries()) {
        const room = written[index];
        if (room === undefined) continue;
        if (open === kind) text.add(',');
        else text.add(`${open === undefined ? ',"rooms":{' : '},'}"${kind}":{`);
        text.add(`${JSON.stringify(row.roomId)}:${room}`);
        open = kind;
      }
    });
  }
  if (open) text.add('}}');
  return open !== undefined;
};
