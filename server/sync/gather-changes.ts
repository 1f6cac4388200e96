import { type StateKey, stateKeyOf } from '@candor/federation';
import type { Change, PlacedChange, Receipt, ToldEvent } from '../notifier.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';

/** An entry of a room's state became another event, or went, at a stream position. */
export type StateMove = {
  readonly position: StreamPosition;
  readonly key: StateKey;
  readonly eventId: string | undefined;
};

/** What memory has of one room's part of the stream, in order. */
export type RoomChanges = {
  readonly eventIds: string[];
  /** Undefined where more has moved than was told. */
  moves: StateMove[] | undefined;
  readonly receipts: Receipt[];
};

/** What memory has of a part of the stream that concerns one session. */
export type Changes = {
  /** Everything behind this position is here. */
  readonly after: StreamPosition;
  readonly rooms: Map<string, RoomChanges>;
  readonly presence: Set<string>;
  hasAccountData: boolean;
  /** Devices of others, or with whom the user shares a room, may be others now. */
  hasDeviceLists: boolean;
  hasDeviceKeys: boolean;
};

/** Whether a change is one for the user to hear of. */
export const concerns = ({ wakes }: Pick<Change, 'wakes'>, userId: string): boolean => {
  if (wakes instanceof Set) return wakes.has(userId);
  for (const woken of wakes) if (woken === userId) return true;
  return false;
};

const movesOf = (
  position: StreamPosition,
  { event, moved }: Extract<Change<ToldEvent>, { kind: 'event' }>,
): StateMove[] | undefined => {
  if (moved === 'many') return undefined;
  if (moved) return moved.map(({ key, event: by }) => ({ position, key, eventId: by?.eventId }));
  if (event.stateKey === undefined) return [];
  const { type, stateKey, eventId } = event;
  return [{ position, key: stateKeyOf(type, stateKey), eventId }];
};

const noChanges = (): RoomChanges => ({
  eventIds: [],
  moves: [],
  receipts: [],
});

const addEvent = (
  room: RoomChanges,
  position: StreamPosition,
  change: Extract<Change<ToldEvent>, { kind: 'event' }>,
): void => {
  room.eventIds.push(change.event.eventId);
  const moves = movesOf(position, change);
  if (moves && room.moves) room.moves.push(...moves);
  else room.moves = undefined;
};

/** Sorts what was told between two positions by what it is about; of rooms only those in `isRoomOf`. */
export const gatherChanges = (
  placed: readonly PlacedChange<ToldEvent>[],
  { after, upTo }: { readonly after: StreamPosition; readonly upTo: StreamPosition },
  session: { readonly userId: string; readonly deviceId: string },
  isRoomOf: (roomId: string) => boolean,
): Changes => {
  const { userId, deviceId } = session;
  const found: Changes = {
    after,
    rooms: new Map(),
    presence: new Set(),
    hasAccountData: false,
    hasDeviceLists: false,
    hasDeviceKeys: false,
  };
  const roomOf = (roomId: string): RoomChanges => {
    const known = found.rooms.get(roomId) ?? noChanges();
    found.rooms.set(roomId, known);
    return known;
  };
  for (const { position, change } of placed) {
    if (position > upTo) break;
    if ('roomId' in change && change.kind !== 'accountData') {
      if (change.roomId === undefined || !isRoomOf(change.roomId)) continue;
    }
    switch (change.kind) {
      case 'event':
        addEvent(roomOf(change.roomId), position, change);
        if (change.event.type === 'm.room.member' || change.moved) found.hasDeviceLists = true;
        break;
      case 'membership':
        if (change.userId !== userId) break;
        found.hasDeviceLists = true;
        roomOf(change.roomId);
        break;
      case 'receipt':
        roomOf(change.roomId).receipts.push(change);
        break;
      case 'typing':
        roomOf(change.roomId);
        break;
      case 'accountData':
        if (change.userId !== userId) break;
        found.hasAccountData = true;
        if (change.roomId !== undefined && isRoomOf(change.roomId)) roomOf(change.roomId);
        break;
      case 'presence':
        if (concerns(change, userId)) found.presence.add(change.userId);
        break;
      case 'deviceList':
        if (concerns(change, userId)) found.hasDeviceLists = true;
        break;
      case 'oneTimeKeys':
        if (change.userId === userId && change.deviceId === deviceId) found.hasDeviceKeys = true;
        break;
      default:
        break;
    }
  }
  return found;
};
