import { passesFilter } from '../rooms/event-filter.ts';
import { type AccountDatum, readAccountDataBetween } from '../storage/account-data.ts';
import type { Changes } from './gather-changes.ts';
import { roomFilterOf, type SyncScope } from './sync-scope.ts';

/** Account data as JSON texts of events: of the account, and by room. */
export type AccountNews = {
  readonly global: readonly string[];
  readonly byRoom: ReadonlyMap<string, readonly string[]>;
};

const isWanted = ({ request }: SyncScope, { roomId = '', type }: AccountDatum): boolean => {
  const filter =
    roomId === '' ? (request.filter.account_data ?? {}) : roomFilterOf(request, 'account_data');
  return passesFilter(filter, { roomId, type, sender: request.userId, content: {} });
};

/** Account data that changed in the scope, and all of the rooms that are new to the client. */
export const readAccountNews = async (
  scope: SyncScope,
  changes: Changes | undefined,
  newRooms: ReadonlySet<string>,
): Promise<AccountNews> => {
  const { context, request, from, upTo } = scope;
  const data: AccountDatum[] = [];
  if (!changes || changes.hasAccountData) {
    data.push(...(await readAccountDataBetween(context.db, request.userId, from, upTo)));
  }
  if (newRooms.size > 0 && from > 0) {
    const older = await readAccountDataBetween(context.db, request.userId, 0, from);
    data.push(...older.filter(({ roomId }) => roomId !== undefined && newRooms.has(roomId)));
  }
  const global: string[] = [];
  const byRoom = new Map<string, string[]>();
  for (const datum of data) {
    if (!isWanted(scope, datum)) continue;
    const text = `{"type":${JSON.stringify(datum.type)},"content":${datum.content}}`;
    if (datum.roomId === undefined) global.push(text);
    else byRoom.set(datum.roomId, [...(byRoom.get(datum.roomId) ?? []), text]);
  }
  return { global: global.slice(0, request.filter.account_data?.limit), byRoom };
};
