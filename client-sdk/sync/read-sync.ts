import { isObject, type JsonObject } from '@candor/federation';
import { isEventId, isRoomId, isUserId } from '@candor/spec';
import { memberOf } from '../signal/member-of.ts';
import type { TimelineEvent } from '../signal/room-events.ts';
import type { ToDeviceEvent } from '../signal/to-device-events.ts';

/** An event of a room; `state_key` is there when it is part of the state. */
export type ClientEvent = TimelineEvent & {
  readonly state_key?: string;
  /** What the entry of the state was before, as far as the server says. */
  readonly previous?: JsonObject;
  /** The event that this one redacts. */
  readonly redacts?: string;
  /** Its content was taken away by a redaction. */
  readonly isRedacted?: true;
};
/** Account data, receipts, typing, and the stripped state of invitations. */
export type BasicEvent = {
  readonly type: string;
  readonly content: JsonObject;
  readonly sender?: string;
  readonly state_key?: string;
};

export type RoomNews = {
  readonly roomId: string;
  readonly membership: 'join' | 'leave';
  /** Oldest first. */
  readonly timeline: readonly ClientEvent[];
  /** Events are missing between the last known one and this timeline. */
  readonly limited: boolean;
  readonly prevBatch: string | undefined;
  readonly state: readonly ClientEvent[];
  readonly ephemeral: readonly BasicEvent[];
};
export type InviteNews = { readonly roomId: string; readonly state: readonly BasicEvent[] };

/** The body of a sync, with everything malformed left out. */
export type SyncNews = {
  readonly nextBatch: string;
  readonly rooms: readonly RoomNews[];
  readonly invites: readonly InviteNews[];
  readonly accountData: readonly BasicEvent[];
  readonly toDevice: readonly ToDeviceEvent[];
  readonly devicesChanged: readonly string[];
  /** Users with whom no encrypted room is shared any more. */
  readonly devicesLeft: readonly string[];
  readonly oneTimeKeysCount: JsonObject | undefined;
  readonly unusedFallbackKeyTypes: readonly string[] | undefined;
};

const listOf = <T>(list: unknown, read: (entry: unknown) => T | undefined): T[] =>
  Array.isArray(list) ? list.map(read).filter((entry) => entry !== undefined) : [];

const entriesOf = <T>(map: unknown, read: (id: string, entry: unknown) => T): T[] =>
  Object.entries(isObject(map) ? map : {})
    .filter(([id]) => isRoomId(id))
    .map(([id, entry]) => read(id, entry));

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

const readBasic = (event: unknown): BasicEvent | undefined => {
  const { type, content, sender, state_key: stateKey } = isObject(event) ? event : {};
  if (typeof type !== 'string' || !isObject(content)) return undefined;
  return {
    type,
    content,
    ...(typeof sender === 'string' && { sender }),
    ...(typeof stateKey === 'string' && { state_key: stateKey }),
  };
};

const readEvent = (event: unknown): ClientEvent | undefined => {
  const basic = readBasic(event);
  const { event_id: eventId, origin_server_ts: sentAt } = isObject(event) ? event : {};
  if (!basic?.sender || !isUserId(basic.sender)) return undefined;
  if (typeof eventId !== 'string' || !isEventId(eventId)) return undefined;
  const unsigned = memberOf(event, 'unsigned');
  const previous = memberOf(unsigned, 'prev_content');
  // Inside the content from room version 11 on, beside it before.
  const redacts = memberOf(basic.content, 'redacts') ?? memberOf(event, 'redacts');
  const isRedaction = basic.type === 'm.room.redaction' && typeof redacts === 'string';
  return {
    ...basic,
    sender: basic.sender,
    event_id: eventId,
    origin_server_ts: typeof sentAt === 'number' && Number.isSafeInteger(sentAt) ? sentAt : 0,
    ...(isObject(previous) && { previous }),
    ...(isRedaction && { redacts }),
    ...(isObject(memberOf(unsigned, 'redacted_because')) && { isRedacted: true }),
  };
};

const eventsOf = (batch: unknown): unknown => memberOf(batch, 'events');
const stateOf = (batch: unknown): ClientEvent[] =>
  listOf(eventsOf(batch), readEvent).filter((event) => event.state_key !== undefined);

// With `state_after` the state is that behind the timeline; without, the timeline goes on from it.
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
const readRoom =
  (membership: RoomNews['membership']) =>
  (roomId: string, room: unknown): RoomNews => {
    const batch = memberOf(room, 'timeline');
    const timeline = listOf(eventsOf(batch), readEvent);
    const after = memberOf(room, 'state_after');
    const state = isObject(after)
      ? stateOf(after)
      : [...stateOf(memberOf(room, 'state')), ...timeline.filter((e) => e.state_key !== undefined)];
    return {
      roomId,
      membership,
      timeline,
      limited: memberOf(batch, 'limited') === true,
      prevBatch: textOf(memberOf(batch, 'prev_batch')),
      state,
      ephemeral: listOf(eventsOf(memberOf(room, 'ephemeral')), readBasic),
    };
  };

const readToDevice = (event: unknown): ToDeviceEvent | undefined => {
  const basic = readBasic(event);
  return basic?.sender && isUserId(basic.sender) ? { ...basic, sender: basic.sender } : undefined;
};

/** Reads the body of a sync; undefined when it has no token to go on from. */
export const readSync = (body: unknown): SyncNews | undefined => {
  const nextBatch = memberOf(body, 'next_batch');
  if (typeof nextBatch !== 'string') return undefined;
  const rooms = memberOf(body, 'rooms');
  const counts = memberOf(body, 'device_one_time_keys_count');
  const fallback = memberOf(body, 'device_unused_fallback_key_types');
  const usersIn = (part: string) =>
    listOf(memberOf(memberOf(body, 'device_lists'), part), textOf).filter(isUserId);
  return {
    nextBatch,
    rooms: [
      ...entriesOf(memberOf(rooms, 'join'), readRoom('join')),
      ...entriesOf(memberOf(rooms, 'leave'), readRoom('leave')),
    ],
    invites: entriesOf(memberOf(rooms, 'invite'), (roomId, room) => ({
      roomId,
      state: listOf(eventsOf(memberOf(room, 'invite_state')), readBasic),
    })),
    accountData: listOf(eventsOf(memberOf(body, 'account_data')), readBasic),
    toDevice: listOf(eventsOf(memberOf(body, 'to_device')), readToDevice),
    devicesChanged: usersIn('changed'),
    devicesLeft: usersIn('left'),
    oneTimeKeysCount: isObject(counts) ? counts : undefined,
    unusedFallbackKeyTypes: Array.isArray(fallback) ? listOf(fallback, textOf) : undefined,
  };
};

/**
 * Reads a page of `/messages`: its events in their order, and where the next page begins if there may be one.
 * A page without events is not the last for that.
 */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
export const readPage = (page: unknown) => ({
  events: listOf(memberOf(page, 'chunk'), readEvent),
  end: textOf(memberOf(page, 'end')),
});
