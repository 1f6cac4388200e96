import { type AuthState, authTypesFor, checkAuth, type RoomEvent } from '@candor/federation';
import { limits, serverNameOf } from '@candor/spec';
import { metrics } from '../../metrics.ts';
import { isNamedMissing } from '../../storage/backward-extremities.ts';
import type { StreamPosition } from '../../storage/stream-clock.ts';
import { appendEvent } from '../append-event.ts';
import { appendReceived, type ReceivedOptions } from '../append-received.ts';
import { readAuthState } from '../build-room-event.ts';
import { commitSteps } from '../commit-steps.ts';
import { isPlaintextInEncryptedRoom } from '../encryption-policy.ts';
import type { Step } from '../place-event.ts';
import { type Room, roomSettings } from '../room.ts';
import type { StateSet } from '../state-set.ts';
import { storeAside } from '../store-aside.ts';
import { authStateIn } from './auth-state-in.ts';
import { judgeByAuthEvents } from './judge-auth-events.ts';
import { notPlaced } from './missing-events.ts';
import { isRecommended } from './policy-server.ts';
import type { RemoteContext } from './remote-context.ts';
import { isJudged } from './unjudged.ts';

/** What became of an event from another server; `refused` ones are not kept. */
export type Reception =
  | { readonly kind: 'accepted' | 'softFailed' | 'known' }
  | { readonly kind: 'rejected'; readonly reason: string }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      /** What the event builds on could not be had now; it may be had later. */
      readonly isMissing: boolean;
    };

/** Where the event stands: at the room's end as it is, or anywhere else in its graph. */
export type Standing = 'end' | (Omit<ReceivedOptions, 'isSoftFailed'> & { readonly isOld?: true });

const citedFault = async (
  { rooms }: RemoteContext,
  room: Room,
  event: RoomEvent,
): Promise<string | null> => {
  const root = room.rules.roomIdIsCreateHash ? [`$${room.roomId.slice(1)}`] : [];
  const cited = await rooms.events.load([...root, ...event.authEvents]);
  const judged = (eventId: string) => {
    const stored = cited.get(eventId);
    return isJudged(stored) ? stored : undefined;
  };
  return judgeByAuthEvents(event, judged, room.rules);
};

const isPlaintext = (
  context: RemoteContext,
  room: Pick<Room, 'isEncrypted'>,
  event: RoomEvent,
): boolean => {
  if (serverNameOf(event.sender) === context.config.serverName) return false;
  if (!isPlaintextInEncryptedRoom(room, event)) return false;
  const { roomId, eventId, sender, type } = event;
  metrics.plaintextRefused.inc();
  context.log.warn({ roomId, eventId, sender, type }, 'plaintext for an encrypted room');
  return true;
};

/** For history, which may be of a time when the room was not encrypted yet. */
const wasEncrypted = async ({ rooms }: RemoteContext, { entries }: StateSet): Promise<boolean> =>
  entries.has(await rooms.stateKeys.internOne('m.room.encryption', ''));

const rejected = (reason: string): Reception => ({ kind: 'rejected', reason });

/** Checks 4 to 7 of those on receipt of a PDU; `checkIncoming` has made the first three. */
// https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
const judge = async (
  context: RemoteContext,
  room: Room,
  event: RoomEvent,
  standing: Standing,
): Promise<Reception> => {
  const { rules } = room;
  const fault = await citedFault(context, room, event);
  if (fault !== null) return rejected(fault);
  const keys = [roomSettings.create, ...authTypesFor(event, rules)];
  const now: AuthState = await readAuthState(context, room, keys);
  const isAtEnd = standing === 'end';
  const then = isAtEnd ? now : await authStateIn(context, event, rules, standing.stateBefore);
  const verdict = checkAuth(event, then, rules);
  if (!verdict.allowed) return rejected(`${verdict.rule}: ${verdict.reason}`);
  // There is no current state to go by for what is older, or brings the state with it.
  if (!isAtEnd && standing.isEntry) return { kind: 'accepted' };
  if (!isAtEnd && standing.isOld) {
    const isEncrypted = await wasEncrypted(context, standing.stateBefore);
    return { kind: isPlaintext(context, { isEncrypted }, event) ? 'softFailed' : 'accepted' };
  }
  const isAllowedNow = isAtEnd || checkAuth(event, now, rules).allowed;
  const isSoftFailed =
    !isAllowedNow || isPlaintext(context, room, event) || !isRecommended(room, event);
  return { kind: isSoftFailed ? 'softFailed' : 'accepted' };
};

/** The room's state as it is, as a set of integers. */
const currentState = (room: Room): StateSet => ({
  entries: new Map([...room.state.values()].map(({ keyNid, eventNid }) => [keyNid, eventNid])),
  hash: room.head?.hash ?? 0n,
  near: room.head && { ...room.head, sinceBase: new Map(room.head.sinceBase) },
  delta: new Map(),
});

const stepOf = async (
  context: RemoteContext,
  room: Room,
  event: RoomEvent,
  standing: Standing,
  reception: Reception,
): Promise<readonly Step[]> => {
  const isSoftFailed = reception.kind === 'softFailed';
  if (standing === 'end' && reception.kind === 'accepted') {
    return [await appendEvent(context, room, event)];
  }
  const placed = standing === 'end' ? { stateBefore: currentState(room) } : standing;
  const { stateBefore, isOld } = { isOld: undefined, ...placed };
  if (reception.kind === 'rejected') {
    return storeAside(context, room, [{ event, stateBefore, rejectedFor: reception.reason }]);
  }
  if (isOld) {
    return storeAside(context, room, [{ event, stateBefore, rejectedFor: null, isSoftFailed }]);
  }
  return [await appendReceived(context, room, event, { ...placed, isSoftFailed })];
};

export type Placed = {
  readonly reception: Reception;
  readonly position: StreamPosition;
  readonly written: Promise<void>;
};

/**
 * Judges an event whose auth events are stored, and queues it where it stands. Only the room's writer calls it;
 * `written` settles when it is on disk. Throws `AuthChainTooLong`.
 */
export const placeReceived = async (
  context: RemoteContext,
  room: Room,
  event: RoomEvent,
  standing: Standing,
): Promise<Placed> => {
  const reception = await judge(context, room, event, standing);
  const { eventId, prevEvents } = event;
  const isAtEnd = standing === 'end';
  // Nothing can name what comes after everything that is here.
  const isNamed = !isAtEnd && (await isNamedMissing(context.db, room.roomNid, eventId));
  const place: Standing = isAtEnd ? standing : { ...standing, isNamed };
  const missing = isAtEnd ? [] : await notPlaced(context, room, prevEvents);
  const steps = await stepOf(context, room, event, place, reception);
  const [first, ...rest] = steps;
  if (!first) throw new Error('an event has no step');
  const { position } = first;
  // What is old, or rejected, has no place in the order of what came.
  const isLive = !isAtEnd && !standing.isOld && reception.kind !== 'rejected';
  const isBehindGap = isLive && missing.length > 0;
  if (isBehindGap) room.gaps = [...room.gaps, position].slice(-limits.timelineGapsPerRoomMax);
  const links = {
    gaps: isBehindGap ? [position] : [],
    missing: missing.map((prev) => ({ eventId: prev, childEventId: eventId })),
    found: isNamed ? [eventId] : [],
  };
  const linked = { ...first, item: { ...first.item, ...links } };
  return { reception, position, written: commitSteps(context, room, [linked, ...rest]) };
};
