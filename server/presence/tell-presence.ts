import type { JsonObject } from '@candor/federation';
import type { Sender } from '@candor/federation/transport';
import { type Database, transact } from '../storage/database.ts';
import { readPresence, writePresence } from '../storage/presence.ts';
import { readSharingLocalUsers, readSharingServers } from '../storage/shared-rooms.ts';
import type { Presence, PresenceState, PresenceToTell } from './presence.ts';

type TellContext = {
  readonly db: Database;
  readonly sender: Sender;
  readonly presence: Presence;
  readonly now: () => number;
};

/** A user's presence as clients and other servers are given it. */
// https://spec.matrix.org/v1.19/client-server-api/#mpresence
export const presenceContent = (
  { presence, statusMessage, lastActiveAt }: Omit<PresenceState, 'position'>,
  nowMs: number,
): JsonObject & { readonly presence: PresenceState['presence'] } => ({
  presence,
  ...(lastActiveAt > 0 && { last_active_ago: Math.max(0, nowMs - lastActiveAt) }),
  ...(statusMessage !== undefined && { status_msg: statusMessage }),
  currently_active: presence === 'online',
});

/** Stores the presence of a user of ours and tells it to those who share a room, here and on other servers. */
export const tellPresence = async (
  { db, sender, presence, now }: TellContext,
  userId: string,
  { isAskedFor, ...told }: PresenceToTell,
): Promise<void> => {
  const sharing = await readSharingLocalUsers(db, userId);
  const wakes = isAskedFor ? sharing : sharing.filter((other) => other !== userId);
  const state = await transact(db, async (tx) => {
    const statusMessage =
      told.statusMessage === undefined
        ? (await readPresence(tx, userId))?.statusMessage
        : (told.statusMessage ?? undefined);
    const position = tx.tell({ kind: 'presence', userId, wakes });
    const changed = { ...told, statusMessage, position };
    await writePresence(tx, userId, changed, position);
    presence.put(userId, changed);
    return changed;
  });
  const push = [{ user_id: userId, ...presenceContent(state, now()) }];
  for (const server of await readSharingServers(db, userId)) {
    sender.ephemeral(server, { edu_type: 'm.presence', content: { push } });
  }
};
