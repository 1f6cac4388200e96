import { presenceContent } from '../presence/tell-presence.ts';
import { passesFilter } from '../rooms/event-filter.ts';
import { readUsersSharingRoom } from '../storage/presence.ts';
import type { Changes } from './gather-changes.ts';
import type { SyncScope } from './sync-scope.ts';

/** JSON texts of the presence of users that share a room with this one, where it has changed, or they or the client are new. */
// https://spec.matrix.org/v1.19/client-server-api/#presence
export const writePresence = async (
  { context, request, isInitial, from, ignored }: SyncScope,
  changes: Changes | undefined,
  newUsers: readonly string[],
): Promise<string[]> => {
  const { presence } = context.sync;
  const filter = request.filter.presence ?? {};
  const changed = new Set(changes?.presence ?? presence.changedAfter(from));
  const wanted: string[] = [];
  for (const sender of new Set([...changed, ...newUsers])) {
    const isNew = isInitial || !changed.has(sender);
    const isShown = !isNew || presence.of(sender)?.presence !== 'offline';
    const event = { type: 'm.presence', sender, roomId: '', content: {} };
    if (isShown && !ignored.has(sender) && passesFilter(filter, event)) wanted.push(sender);
  }
  if (wanted.length === 0) return [];
  const sharing = await readUsersSharingRoom(context.db, request.userId, wanted);
  const nowMs = context.now();
  return wanted.slice(0, filter.limit).flatMap((sender) => {
    const state = sharing.has(sender) ? presence.of(sender) : undefined;
    if (!state) return [];
    return [JSON.stringify({ type: 'm.presence', sender, content: presenceContent(state, nowMs) })];
  });
};
