import { isObject } from '@candor/federation';
import { isUserId, limits, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';
import { readSharingLocalUsers } from '../storage/shared-rooms.ts';
import type { PresenceName, PresenceState } from './presence.ts';

const isName = (value: unknown): value is PresenceName =>
  value === 'online' || value === 'unavailable' || value === 'offline';

type Received = Omit<PresenceState, 'position'> & { readonly userId: string };

/** Takes what is in order; the rest is left alone. */
const readEntry = (entry: unknown, origin: string, nowMs: number): Received | undefined => {
  if (!isObject(entry)) return undefined;
  const { user_id: userId, presence, last_active_ago: ago, status_msg: message } = entry;
  if (typeof userId !== 'string' || !isUserId(userId) || serverNameOf(userId) !== origin) {
    return undefined;
  }
  if (!isName(presence)) return undefined;
  const agoMs = typeof ago === 'number' && ago >= 0 ? ago : 0;
  return {
    userId,
    presence,
    statusMessage:
      typeof message === 'string' ? message.slice(0, limits.statusMessageLengthMax) : undefined,
    lastActiveAt: Math.max(0, nowMs - agoMs),
  };
};

/** Takes in an `m.presence` of another server, which speaks for its own users. It stays in memory. */
// https://spec.matrix.org/v1.19/server-server-api/#presence
export const receivePresence = async (
  { db, sync, now }: Context,
  origin: string,
  content: unknown,
): Promise<void> => {
  const push = isObject(content) ? content['push'] : undefined;
  if (!Array.isArray(push)) return;
  for (const entry of push.slice(0, limits.presencesPerEduMax)) {
    const received = readEntry(entry, origin, now());
    const wakes = received ? await readSharingLocalUsers(db, received.userId) : [];
    if (!received || wakes.length === 0) continue;
    const { userId, ...state } = received;
    const position = db.clock.next({ kind: 'presence', userId, wakes });
    sync.presence.put(userId, { ...state, position });
    db.clock.settle([position], 'committed');
  }
};
