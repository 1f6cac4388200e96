import { limits } from '@candor/spec';
import type { Context } from '../context.ts';
import { type DeviceListChanges, deviceListChangesBetween } from '../storage/device-lists.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { readAccountNews } from './account-news.ts';
import { candidateRooms } from './candidate-rooms.ts';
import { type Changes, gatherChanges } from './gather-changes.ts';
import { PiecedText } from './pieced-text.ts';
import { writePresence } from './presence-events.ts';
import type { SyncRequest, SyncScope } from './sync-scope.ts';
import { type SyncToken, writeSyncToken } from './sync-token.ts';
import { writeRooms } from './write-rooms.ts';

export type SyncBody = {
  /** JSON in UTF-8; one piece unless it is long. */
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  readonly next: SyncToken;
  /** There is nothing in it that the client would not know without it. */
  readonly isEmpty: boolean;
};

const batch = (name: string, texts: readonly string[]): string =>
  texts.length > 0 ? `,"${name}":{"events":[${texts.join(',')}]}` : '';

// https://spec.matrix.org/v1.19/client-server-api/#e2e-extensions-to-sync
const readDeviceLists = async (
  { context, request, isInitial, from, upTo }: SyncScope,
  changes: Changes | undefined,
): Promise<DeviceListChanges> => {
  if (isInitial || (changes && !changes.hasDeviceLists)) return { changed: [], left: [] };
  return deviceListChangesBetween(context.db, request.userId, from, upTo);
};

const writeDeviceLists = (lists: DeviceListChanges): string =>
  lists.changed.length === 0 && lists.left.length === 0
    ? ''
    : `,"device_lists":${JSON.stringify(lists)}`;

const readToDevice = async (
  { context, request, upTo }: SyncScope,
  since: StreamPosition,
): Promise<{ readonly texts: readonly string[]; readonly upTo: StreamPosition }> => {
  const { userId, deviceId } = request;
  const messages = await context.sync.inboxes.open(userId, deviceId, since, upTo);
  const isPortion = messages.length === limits.toDeviceMessagesPerSyncMax;
  return {
    texts: messages.map(({ message }) => message),
    upTo: isPortion ? (messages.at(-1)?.position ?? upTo) : upTo,
  };
};

const scopeOf = async (
  context: Context,
  request: SyncRequest,
  since: SyncToken | undefined,
  upTo: StreamPosition,
): Promise<SyncScope> => ({
  context,
  request,
  upTo,
  isInitial: since === undefined,
  from: since?.position ?? 0,
  ignored: await context.sync.ignored.of(request.userId),
});

/**
 * The body of an answer of `/sync`: what concerns the session after `since` and until now. `quietUntil` is a position
 * before which, after `since`, nothing does.
 */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
export const writeBody = async (
  context: Context,
  request: SyncRequest,
  quietUntil: StreamPosition = 0,
): Promise<SyncBody> => {
  // Both at once, so that nothing is told between them.
  const upTo = context.db.clock.committed;
  const { userId } = request;
  // A token of a time that the database knows nothing of, after a backup came back: the client begins anew.
  const isAhead = request.since !== undefined && request.since.position > upTo;
  const since = isAhead ? undefined : request.since;
  const after = Math.max(since?.position ?? 0, quietUntil);
  const told = since && context.notifier.since(after);
  context.sync.sentMembers.goOn(`${userId} ${request.deviceId}`, since?.position ?? 0);
  const scope = await scopeOf(context, request, since, upTo);
  const rooms = await context.sync.rooms.of(userId);
  const changes =
    told && gatherChanges(told, { after, upTo }, request, (roomId) => rooms.has(roomId));
  const candidates = await candidateRooms(scope, rooms, changes);
  const newRooms = candidates.filter(({ isNew }) => isNew).map(({ row }) => row.roomId);
  const account = await readAccountNews(scope, changes, new Set(newRooms));
  const text = new PiecedText();
  text.add(`{${await context.sync.deviceKeys.of(`${userId} ${request.deviceId}`)}`);
  const hasRooms = await writeRooms(scope, candidates, { changes, account }, text);
  const toDevice = await readToDevice(scope, since?.toDevice ?? 0);
  const lists = await readDeviceLists(scope, changes);
  const rest = [
    batch('account_data', account.global),
    // Whoever came into a room of the user's is among those whose devices are new to the client.
    batch('presence', await writePresence(scope, changes, lists.changed)),
    batch('to_device', toDevice.texts),
    writeDeviceLists(lists),
  ].join('');
  text.add(rest);
  const next = { position: upTo, toDevice: toDevice.upTo };
  const isEmpty = !hasRooms && rest === '' && !changes?.hasDeviceKeys;
  text.add(`,"next_batch":${JSON.stringify(writeSyncToken(next))}}`);
  return { ...text.end(), next, isEmpty };
};
