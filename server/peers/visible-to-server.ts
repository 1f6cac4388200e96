import { type Pdu, redact, stateKeyOf } from '@candor/federation';
import type { Context } from '../context.ts';
import { isPlaintextInEncryptedRoom } from '../rooms/encryption-policy.ts';
import { erasedSenders } from '../rooms/erased-senders.ts';
import type { Room } from '../rooms/room.ts';
import { readMembersOfServer } from '../storage/memberships.ts';
import type { StoredEvent } from '../storage/stored-event.ts';

type ReadContext = Pick<Context, 'config' | 'db' | 'rooms'>;

/** What the state before each event says of the history, and of the server's users. */
const readMoments = async (
  { db, rooms }: ReadContext,
  room: Room,
  serverName: string,
  events: readonly StoredEvent[],
) => {
  const users = await readMembersOfServer(db, room.roomNid, serverName);
  const historyKey = stateKeyOf('m.room.history_visibility', '');
  const memberKeys = users.map((userId) => stateKeyOf('m.room.member', userId));
  const keyNids = await rooms.stateKeys.intern([historyKey, ...memberKeys]);
  const snapshotNids = events.flatMap((stored) => stored.snapshotNid ?? []);
  const states = await rooms.snapshots.look(snapshotNids, [...keyNids.values()]);
  const nids = [...states.values()].flatMap((entries) => [...entries.values()]);
  const loaded = await rooms.events.loadByNid(new Set(nids));
  const historyNid = keyNids.get(historyKey) ?? 0;
  return ({ snapshotNid }: StoredEvent) => {
    const entries = snapshotNid === null ? undefined : states.get(snapshotNid);
    const visibility = loaded.get(entries?.get(historyNid) ?? 0)?.event.content;
    const memberships = new Set<unknown>();
    for (const [keyNid, nid] of entries ?? []) {
      if (keyNid !== historyNid) memberships.add(loaded.get(nid)?.event.content['membership']);
    }
    return { visibility: visibility?.['history_visibility'] ?? 'shared', memberships };
  };
};

/**
 * Events of the room as a server in it may have them: whole where one of its users could see them, and redacted where
 * none could, so that the graph stays whole. Rejected events are left out, plaintext of an encrypted room is redacted.
 */
// https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
export const pdusVisibleTo = async (
  context: ReadContext,
  room: Room,
  serverName: string,
  events: readonly StoredEvent[],
): Promise<readonly Pdu[]> => {
  const momentOf = await readMoments(context, room, serverName, events);
  const erased = await erasedSenders(context, room, events);
  return events.flatMap((stored) => {
    if (stored.rejectedFor !== null || stored.roomNid !== room.roomNid) return [];
    const { event } = stored;
    const { visibility, memberships } = momentOf(stored);
    const isHidden =
      (visibility === 'joined' && !memberships.has('join')) ||
      (erased.has(event.sender) && !memberships.has('join')) ||
      (visibility === 'invited' && !memberships.has('join') && !memberships.has('invite')) ||
      // What was refused for being readable is not made known by passing it on.
      (stored.isSoftFailed && isPlaintextInEncryptedRoom(room, event));
    // State is what every server in the room has to know.
    return [isHidden && event.stateKey === undefined ? redact(event.pdu, room.rules) : event.pdu];
  });
};
