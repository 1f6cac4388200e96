import { eventFromPdu, redact } from '@candor/federation';
import type { StoredEvent } from '../storage/stored-event.ts';
import { erasedSenders } from './erased-senders.ts';
import { lastDeparture } from './last-departure.ts';
import type { StepContext } from './place-event.ts';
import { type Room, roomSettings } from './room.ts';
import { visibilityIn } from './visibility-in.ts';

type VisibilityContext = Omit<StepContext, 'now'>;

/** The room and the user at an event. */
export type Moment = {
  readonly visibility: string;
  readonly membership: string;
  /** The user was joined at some time after the event. */
  readonly joinedLater: boolean;
};

/** Whether a user may see an event, by the specification's five rules. */
// https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-6
export const maySee = ({ visibility, membership, joinedLater }: Moment): boolean => {
  switch (visibility) {
    case 'world_readable':
      return true;
    case 'joined':
      return membership === 'join';
    case 'invited':
      return membership === 'join' || membership === 'invite';
    // What is missing or not understood counts as shared.
    default:
      return membership === 'join' || joinedLater;
  }
};

/** An event that the user may see, and what the user was in the room then. */
export type VisibleEvent = { readonly stored: StoredEvent; readonly membership: string };

const textIn = (stored: StoredEvent | undefined, field: string): string | undefined => {
  const text = stored?.event.content[field];
  return typeof text === 'string' ? text : undefined;
};

/** What the state before each event says of the history and of the user. */
const readMoments = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  events: readonly StoredEvent[],
  memberNid: number,
): Promise<(stored: StoredEvent) => Omit<Moment, 'joinedLater'>> => {
  const historyNid = await rooms.stateKeys.internOne('m.room.history_visibility', '');
  const states = await rooms.snapshots.look(
    events.flatMap((stored) => stored.snapshotNid ?? []),
    [memberNid, historyNid],
  );
  const nids = [...states.values()].flatMap((entries) => [...entries.values()]);
  const loaded = await rooms.events.loadByNid(new Set(nids));
  return ({ snapshotNid }) => {
    const entries = snapshotNid === null ? undefined : states.get(snapshotNid);
    return {
      visibility: visibilityIn(loaded, entries?.get(historyNid)),
      membership: textIn(loaded.get(entries?.get(memberNid) ?? 0), 'membership') ?? 'leave',
    };
  };
};

/** For events that change who may see, before or after is enough. */
const mayBeSeen = (stored: StoredEvent, moment: Moment, userId: string): boolean => {
  if (maySee(moment)) return true;
  const { type, stateKey } = stored.event;
  if (type === 'm.room.history_visibility' && stateKey === '') {
    const visibility = textIn(stored, 'history_visibility') ?? 'shared';
    return maySee({ ...moment, visibility });
  }
  if (type !== 'm.room.member' || stateKey !== userId) return false;
  return maySee({ ...moment, membership: textIn(stored, 'membership') ?? 'leave' });
};

/**
 * Leaves out redactions that this server has not applied: their event is not here, or they are not allowed. Clients
 * would apply whatever they are given.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#handling-redactions
const withoutIdleRedactions = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> => {
  const targetIds = events.flatMap(({ event }) => event.redacts ?? []);
  if (targetIds.length === 0) return events;
  const targets = await rooms.events.load(targetIds);
  return events.filter(({ event, roomNid }) => {
    if (event.redacts === undefined) return true;
    const target = targets.get(event.redacts);
    return target?.roomNid === roomNid && target.redactedBy !== null;
  });
};

/** Messages of users who had their content erased, redacted for whoever was not there when they were sent. */
const withoutErased = async (
  context: VisibilityContext,
  room: Room,
  events: readonly VisibleEvent[],
): Promise<readonly VisibleEvent[]> => {
  const missed = events.filter(({ membership }) => membership !== 'join');
  const erased = await erasedSenders(
    context,
    room,
    missed.map(({ stored }) => stored),
  );
  if (erased.size === 0) return events;
  return events.map((one) => {
    const { stored, membership } = one;
    const { sender, stateKey, pdu, eventId, roomId } = stored.event;
    if (membership === 'join' || stateKey !== undefined || !erased.has(sender)) return one;
    const event = eventFromPdu(redact(pdu, room.rules), eventId, roomId, room.rules);
    return { membership, stored: { ...stored, event } };
  });
};

const isBefore = ({ position }: StoredEvent, until: number): boolean =>
  position !== null && position < until;

/**
 * Those of a room's events that the user may see, in their order. Outliers, rejected and soft-failed events, and
 * redactions without effect, are seen by nobody. Every path that shows events to users goes through here.
 */
export const visibleEvents = async (
  context: VisibilityContext,
  room: Room,
  userId: string,
  events: readonly StoredEvent[],
): Promise<readonly VisibleEvent[]> => {
  const placed = await withoutIdleRedactions(
    context,
    events.filter(
      (stored) =>
        stored.roomNid === room.roomNid &&
        stored.position !== null &&
        !stored.isOutlier &&
        !stored.isSoftFailed,
    ),
  );
  if (placed.length === 0) return [];
  const memberNid = await context.rooms.stateKeys.internOne('m.room.member', userId);
  const momentOf = await readMoments(context, placed, memberNid);
  const departure = await lastDeparture(context, room, userId);
  const until = room.joined.has(userId) ? Number.POSITIVE_INFINITY : (departure?.position ?? 0);
  const visible = placed.flatMap((stored) => {
    const moment = { ...momentOf(stored), joinedLater: isBefore(stored, until) };
    if (!mayBeSeen(stored, moment, userId)) return [];
    const isOwn = stored.event.type === 'm.room.member' && stored.event.stateKey === userId;
    const after = isOwn ? textIn(stored, 'membership') : undefined;
    return [{ stored, membership: after ?? moment.membership }];
  });
  return withoutErased(context, room, visible);
};

/** Whether somebody who was never in the room may look into it as it is now. */
export const isWorldReadable = (room: Room): boolean =>
  room.settings.get(roomSettings.historyVisibility)?.content['history_visibility'] ===
  'world_readable';
