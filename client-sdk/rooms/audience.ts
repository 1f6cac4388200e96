import { clientServer } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { CandorError } from '../candor-error.ts';
import type { Rotation } from '../signal/sender-keys.ts';
import type { Store } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { readPage } from '../sync/read-sync.ts';
import { writeMember } from '../sync/write-rooms.ts';
import { roomEncryption } from './room-encryption.ts';
import { roomSummary } from './room-summary.ts';

/** Who reads what is sent into a room now, and how it is encrypted. */
export type Audience = {
  readonly direct: boolean;
  readonly members: readonly string[];
  readonly rotation: Rotation;
};

/** Fetches the members; news of them that came in meanwhile make it ask again. */
const loadMembers = async (api: HomeserverApi, store: Store, roomId: string): Promise<void> => {
  const revision = () => roomSummary.of(roomSummary.rowOf(store, roomId)).membersRevision;
  let isWritten = false;
  while (!isWritten) {
    const asked = revision();
    const answer = await api.call(clientServer.getMembersByRoom, { params: { roomId } });
    isWritten = store.transaction((tx) => {
      const room = tx.get('rooms', { roomId });
      if (!room || revision() !== asked) return false;
      tx.delete('members', { roomId });
      for (const event of readPage(answer).events) writeMember(tx, roomId, event);
      tx.put('rooms', roomSummary.with(room, { membersComplete: true }));
      return true;
    });
  }
};

const isPresent = (member: Row<'members'> | undefined, mayInvitedRead: boolean): boolean =>
  member?.membership === 'join' || (mayInvitedRead && member?.membership === 'invite');

/**
 * The audience of a room, from its stored and if need be freshly loaded members. Rejects for rooms
 * that nothing may be sent into: those not encrypted with our algorithms, and those left.
 */
export const audienceOf = async (
  api: HomeserverApi,
  store: Store,
  roomId: string,
): Promise<Audience> => {
  const before = store.get('rooms', { roomId });
  if (!before || roomSummary.of(before).membership !== 'join') {
    throw new CandorError('not-in-room', `this user is not in ${roomId}`);
  }
  const { encryption, directUserId } = before;
  const kind = roomEncryption.kindOf(encryption);
  if (kind === 'none' || encryption === null) {
    throw new CandorError('not-encrypted', `${roomId} is not encrypted`);
  }
  if (kind === 'foreign') {
    throw new CandorError('foreign-encryption', `${roomId} is encrypted with another algorithm`);
  }
  if (!roomSummary.of(before).membersComplete) await loadMembers(api, store, roomId);
  const room = store.get('rooms', { roomId }) ?? before;
  // https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
  const mayInvitedRead = roomSummary.of(room).historyVisibility !== 'joined';
  const present = store
    .all('members', { where: { roomId } })
    .filter((member) => isPresent(member, mayInvitedRead))
    .map((member) => member.userId);
  const rotation = roomEncryption.rotationOf(encryption);
  if (kind === 'group') return { direct: false, members: present, rotation };
  // Whoever else is, or is said to be, in a direct room gets nothing.
  if (directUserId === null || !present.includes(directUserId)) {
    throw new CandorError('nobody-there', `nobody else is in the direct room ${roomId}`);
  }
  return { direct: true, members: [directUserId], rotation };
};
