import { createHash } from 'node:crypto';
import { canonicalJson, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { Overlay } from '../stores/overlay.ts';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { deviceDirectory } from './device-directory.ts';
import type { EngineContext } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { type Opening, openMessage } from './open-message.ts';
import type { Envelope } from './plaintext.ts';
import { retry } from './retry.ts';
import { signalNames } from './signal-names.ts';

type TimelineRow = Row<'timeline'>;

/** An event of a room's timeline, as the client-server API gives it. */
export type TimelineEvent = {
  readonly event_id: string;
  readonly sender: string;
  readonly type: string;
  readonly content: JsonObject;
  readonly origin_server_ts: number;
};

/** How our own encrypted event is known again when it comes back; undefined for what is no canonical JSON. */
export const contentHash = (content: JsonObject): string | undefined => {
  try {
    return createHash('sha256').update(canonicalJson(content)).digest('base64');
  } catch {
    return undefined;
  }
};

const textMember = (object: unknown, name: string): string | null => {
  const value = memberOf(object, name);
  return typeof value === 'string' ? value : null;
};

const newRow = (
  { identity }: EngineContext,
  roomId: string,
  event: TimelineEvent,
  position: number,
): TimelineRow => {
  const { content } = event;
  const encrypted = event.type === signalNames.encryptedEvent;
  return {
    roomId,
    eventId: event.event_id,
    position,
    localEcho: false,
    sender: event.sender,
    senderDevice: encrypted ? textMember(content, 'sender_device') : null,
    type: event.type,
    content: encrypted ? null : content,
    ciphertext: encrypted ? content : null,
    state: encrypted ? 'waiting' : 'clear',
    reason: null,
    distributionId: encrypted ? textMember(content, 'distribution_id') : null,
    partHash: encrypted ? textMember(content['part_hashes'], identity.address) : null,
    originServerTs: event.origin_server_ts,
    txnId: null,
    recipients: null,
    archived: false,
  };
};

// Relations travel outside, where servers need them; one inside would be somebody's invention.
// https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
const withRelation = (content: JsonObject, outer: JsonObject | null): JsonObject => {
  const { 'm.relates_to': _inside, ...rest } = content;
  const relation = memberOf(outer, 'm.relates_to') as JsonObject | undefined;
  return relation === undefined ? rest : { ...rest, 'm.relates_to': relation };
};

const readRow = (row: TimelineRow, envelope: Envelope): TimelineRow => ({
  ...row,
  type: envelope.type,
  content: withRelation(envelope.content, row.ciphertext),
  ciphertext: null,
  state: 'decrypted',
  reason: null,
  txnId: envelope.txn_id,
});

/** The echo of an event this device sent: its plaintext is in the send queue, nobody else can read it again. */
const ownEvent = (tables: TableWriter, row: TimelineRow): TimelineRow => {
  const hash = row.ciphertext ? contentHash(row.ciphertext) : undefined;
  const sent = hash ? tables.all('sendQueue', { where: { contentHash: hash } })[0] : undefined;
  if (!sent) return { ...row, state: 'undecryptable', reason: 'own-message-lost' };
  tables.delete('sendQueue', { txnId: sent.txnId });
  return ownRow(sent, row);
};

type OwnEventFields = Pick<
  TimelineRow,
  'eventId' | 'position' | 'localEcho' | 'sender' | 'senderDevice' | 'originServerTs'
>;

/** The timeline row of a queued event that was sent. */
const ownRow = (
  { roomId, type, content, txnId, distributionId, recipients }: Row<'sendQueue'>,
  { eventId, position, localEcho, sender, senderDevice, originServerTs }: OwnEventFields,
): TimelineRow => ({
  ...{ roomId, eventId, position, localEcho, sender, senderDevice, originServerTs },
  ...{ type, content, txnId, distributionId, recipients },
  ciphertext: null,
  state: 'decrypted',
  reason: null,
  partHash: null,
  archived: false,
});

/** Unknown devices make us ask the server again, at most once a minute per user. */
const wantDevices = (tables: TableWriter, userId: string, now: number): void => {
  const user = tables.get('users', { userId });
  const askedAt = user?.queriedAt ?? 0;
  if (!user?.tracked) deviceDirectory.track(tables, [userId]);
  else if (!user.outdated && now - askedAt >= limits.keyRequestBackoffMs) {
    deviceDirectory.markOutdated(tables, [userId]);
  }
};

const settle = (
  tables: TableWriter,
  context: EngineContext,
  row: TimelineRow,
  opening: Opening,
): TimelineRow => {
  const { roomId, eventId } = row;
  if (opening.state === 'waiting') {
    if (opening.reason === 'device-unknown') wantDevices(tables, row.sender, context.now());
    if (opening.ask) retry.want(tables, context.now(), row, opening.ask);
    return { ...row, reason: opening.reason };
  }
  tables.delete('retryRequests', { roomId, eventId });
  if (opening.state === 'decrypted') return readRow(row, opening.envelope);
  return { ...row, state: opening.state, reason: opening.reason };
};

const open = async (
  tables: TableWriter,
  context: EngineContext,
  row: TimelineRow,
): Promise<TimelineRow> => {
  const { identity } = context;
  const isOwn = row.sender === identity.userId && row.senderDevice === identity.deviceId;
  if (isOwn) return ownEvent(tables, row);
  const { sender, ciphertext, roomId } = row;
  if (ciphertext === null) return row;
  const opening = await openMessage(tables, context, { sender, content: ciphertext, roomId });
  return settle(tables, context, row, opening);
};

/** Timeline rows from events: each is decrypted once and kept. */
export const roomEvents = {
  wantDevices,
  ownRow,

  /** Stores one event, decrypted when it can be; an event seen before is answered from the store. */
  receive: async (
    tables: TableWriter,
    context: EngineContext,
    roomId: string,
    event: TimelineEvent,
    position: number,
  ): Promise<TimelineRow> => {
    const known = tables.get('timeline', { roomId, eventId: event.event_id });
    if (known && known.state !== 'waiting') {
      if (!known.localEcho) return known;
      const placed = { ...known, position, localEcho: false };
      tables.put('timeline', placed);
      return placed;
    }
    const row = known ?? newRow(context, roomId, event, position);
    const overlay = new Overlay(tables);
    const read = row.state === 'waiting' ? await open(overlay, context, row) : row;
    overlay.put('timeline', read);
    overlay.applyTo(tables);
    return read;
  },

  /** Tries again, oldest first, the waiting events that match; returns those whose state changed. */
  reopen: async (
    tables: TableWriter,
    context: EngineContext,
    where: Partial<TimelineRow>,
  ): Promise<TimelineRow[]> => {
    const waiting = tables.all('timeline', {
      where: { ...where, state: 'waiting' },
      orderBy: 'position',
    });
    const changed: TimelineRow[] = [];
    for (const row of waiting) {
      const read = await open(tables, context, row);
      tables.put('timeline', read);
      if (read.state !== 'waiting') changed.push(read);
    }
    return changed;
  },

  /** A message that its sending device sent again because we asked for it. */
  takeResent: (tables: TableWriter, row: TimelineRow, envelope: Envelope): TimelineRow => {
    const read = readRow(row, envelope);
    tables.put('timeline', read);
    tables.delete('retryRequests', { roomId: row.roomId, eventId: row.eventId });
    return read;
  },

  /** The position behind the newest event of a room, or with `backwards` before the oldest. */
  nextPosition: (tables: TableReader, roomId: string, backwards: boolean): number => {
    const where = { roomId };
    const edge = { where, orderBy: 'position', descending: !backwards, limit: 1 } as const;
    const position = tables.all('timeline', edge)[0]?.position ?? 0;
    return backwards ? position - 1 : position + 1;
  },
};
