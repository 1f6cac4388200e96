import { isObject, type JsonObject } from '@candor/federation';
import { isUserId } from '@candor/spec';
import { roomEncryption } from '../rooms/room-encryption.ts';
import { roomSummary } from '../rooms/room-summary.ts';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { BasicEvent, ClientEvent, InviteNews, RoomNews, SyncNews } from './read-sync.ts';

const textOr = <T>(value: unknown, otherwise: T): string | T =>
  typeof value === 'string' ? value : otherwise;

/** Stores one membership of a room. */
export const writeMember = (tx: TableWriter, roomId: string, event: BasicEvent): void => {
  const { state_key: userId, content } = event;
  if (userId === undefined || !isUserId(userId)) return;
  const membership = textOr(content['membership'], 'leave');
  tx.put('members', {
    ...{ roomId, userId, membership },
    displayName: textOr(content['displayname'], null),
  });
};

/** A room after one entry of its state; members are kept in a table of their own. */
const afterState = (room: Row<'rooms'>, { type, content }: BasicEvent): Row<'rooms'> => {
  const summary = (changes: Parameters<typeof roomSummary.with>[1]) =>
    roomSummary.with(room, changes);
  switch (type) {
    case 'm.room.encryption':
      return { ...room, encryption: roomEncryption.after(room.encryption, content) };
    case 'm.room.name':
      return summary({ name: textOr(content['name'], null) });
    case 'm.room.topic':
      return summary({ topic: textOr(content['topic'], null) });
    case 'm.room.history_visibility':
      return summary({ historyVisibility: textOr(content['history_visibility'], 'shared') });
    case 'm.room.tombstone':
      return summary({ replacement: textOr(content['replacement_room'], null) });
    default:
      return room;
  }
};

const writeState = (
  tx: TableWriter,
  room: Row<'rooms'>,
  events: readonly BasicEvent[],
): Row<'rooms'> => {
  let next = room;
  for (const event of events) {
    if (event.type === 'm.room.member') writeMember(tx, room.roomId, event);
    else if (event.state_key === '') next = afterState(next, event);
  }
  return next;
};

/** The other user of a direct room, pinned for good; a third person in it changes nothing. */
const withDirectUser = (
  tables: TableReader,
  room: Row<'rooms'>,
  ownUserId: string,
  offered: string | undefined,
): Row<'rooms'> => {
  if (room.directUserId !== null || roomEncryption.kindOf(room.encryption) !== 'direct')
    return room;
  const others = tables
    .all('members', { where: { roomId: room.roomId } })
    .filter(({ membership }) => membership === 'join' || membership === 'invite')
    .flatMap(({ userId }) => (userId === ownUserId ? [] : [userId]));
  const only = others.length === 1 ? others[0] : undefined;
  return { ...room, directUserId: (offered === ownUserId ? undefined : offered) ?? only ?? null };
};

const encryptionIn = (events: readonly ClientEvent[]): ClientEvent[] =>
  events.filter(({ type, state_key: key }) => type === 'm.room.encryption' && key === '');

const writeRoom = (tx: TableWriter, ownUserId: string, news: RoomNews): void => {
  const { roomId, membership, limited } = news;
  const known = roomSummary.rowOf(tx, roomId);
  // Who came and went in a gap, or while we were out, may be missing from a lazily loaded state.
  const summary = roomSummary.of(known);
  const isKept = summary.membership === 'join' && membership === 'join' && !limited;
  const hasMembers = !isKept || news.state.some(({ type }) => type === 'm.room.member');
  const entered = roomSummary.with(known, {
    ...{ membership, inviter: null, membersComplete: summary.membersComplete && isKept },
    membersRevision: summary.membersRevision + (hasMembers ? 1 : 0),
    earlier: summary.earlier ?? (limited ? (news.prevBatch ?? null) : null),
  });
  // A room that ever showed an encryption event is encrypted, whatever state is shown now.
  const room = writeState(tx, entered, [...encryptionIn(news.timeline), ...news.state]);
  tx.put('rooms', withDirectUser(tx, room, ownUserId, undefined));
};

const writeInvite = (tx: TableWriter, ownUserId: string, { roomId, state }: InviteNews): void => {
  const own = state.findLast(
    ({ type, state_key: key }) => type === 'm.room.member' && key === ownUserId,
  );
  const inviter = own?.sender !== undefined && isUserId(own.sender) ? own.sender : null;
  const known = roomSummary.rowOf(tx, roomId);
  const invited = roomSummary.with(known, {
    membership: 'invite',
    inviter,
    membersComplete: false,
  });
  const room = writeState(tx, invited, state);
  const isDirect = own?.content['is_direct'] === true;
  tx.put('rooms', withDirectUser(tx, room, ownUserId, isDirect && inviter ? inviter : undefined));
};

/** The users our own account data calls partners of direct rooms, by room. */
const directRooms = (content: JsonObject): Map<string, string> =>
  new Map(
    Object.entries(content).flatMap(([userId, roomIds]) =>
      Array.isArray(roomIds) && isUserId(userId)
        ? roomIds.flatMap((id): [string, string][] =>
            typeof id === 'string' ? [[id, userId]] : [],
          )
        : [],
    ),
  );

/** What a redaction leaves of a message; it can still be seen that there was one. */
const redacted = (row: Row<'timeline'>): Row<'timeline'> => ({
  ...row,
  content: null,
  ciphertext: null,
  state: 'undecryptable',
  reason: 'redacted',
});

/** Forgets the content of redacted messages, as far as the server says so. */
export const writeRedactions = (
  tx: TableWriter,
  roomId: string,
  events: readonly ClientEvent[],
): void => {
  for (const event of events) {
    const eventId = event.isRedacted ? event.event_id : event.redacts;
    const row = eventId === undefined ? undefined : tx.get('timeline', { roomId, eventId });
    if (row && event.state_key === undefined) tx.put('timeline', redacted(row));
  }
};

/** Writes what a sync says about rooms, in the transaction that stores its token. */
export const writeRooms = (tx: TableWriter, ownUserId: string, news: SyncNews): void => {
  for (const invite of news.invites) writeInvite(tx, ownUserId, invite);
  for (const room of news.rooms) writeRoom(tx, ownUserId, room);
  for (const { type, content } of news.accountData) {
    if (type !== 'm.direct' || !isObject(content)) continue;
    for (const [roomId, userId] of directRooms(content)) {
      const room = tx.get('rooms', { roomId });
      if (room) tx.put('rooms', withDirectUser(tx, room, ownUserId, userId));
    }
  }
};
