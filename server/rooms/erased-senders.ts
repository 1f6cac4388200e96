import { serverNameOf } from '@candor/spec';
import { readErasedUsers } from '../storage/accounts.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

/**
 * Users of ours who sent some of these messages and had their content erased since: who was not in the room then gets
 * redacted copies. State stays as it is, for the room stands on it.
 */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
export const erasedSenders = async (
  { config, db }: Pick<StepContext, 'config' | 'db'>,
  room: Room,
  events: readonly StoredEvent[],
): Promise<ReadonlySet<string>> => {
  const senders = new Set<string>();
  for (const { event } of events) {
    // Closing an account is leaving all rooms.
    const mayBeErased = event.stateKey === undefined && !room.joined.has(event.sender);
    if (mayBeErased && serverNameOf(event.sender) === config.serverName) senders.add(event.sender);
  }
  return senders.size === 0 ? senders : readErasedUsers(db, [...senders]);
};
