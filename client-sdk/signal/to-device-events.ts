import { isObject, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { Overlay } from '../stores/overlay.ts';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { EngineContext } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { type Opening, openMessage } from './open-message.ts';
import { partHash } from './part-hash.ts';
import type { Envelope } from './plaintext.ts';
import { retry } from './retry.ts';
import { roomEvents } from './room-events.ts';
import { senderKeys } from './sender-keys.ts';
import { signalNames } from './signal-names.ts';

type Device = Row<'devices'>;
type TimelineRow = Row<'timeline'>;

/** A to-device event as `/sync` gives it. */
export type ToDeviceEvent = {
  readonly type: string;
  readonly sender: string;
  readonly content: JsonObject;
};

/** What a to-device event was, for the client: a message of its own kind, or why it could not be read. */
export type ToDeviceOutcome = {
  readonly sender: string;
  readonly senderDevice: string | null;
  readonly state: Opening['state'];
  readonly reason?: string;
  /** Set for encrypted messages that are not the engine's own. */
  readonly message?: { readonly type: string; readonly content: JsonObject };
};

export type ToDeviceResult = {
  readonly outcome: ToDeviceOutcome;
  /** Earlier events of rooms that became readable by this. */
  readonly updated: readonly TimelineRow[];
};

const takePart = (
  tables: TableWriter,
  context: EngineContext,
  device: Device,
  incoming: ToDeviceEvent,
  envelope: Envelope,
): Promise<TimelineRow[]> => {
  const share = memberOf(incoming.content['ciphertext'], context.identity.address);
  const hash = partHash(String(memberOf(share, 'body')));
  tables.put('messageParts', {
    hash,
    address: device.address,
    envelope: envelope.content,
    receivedAt: context.now(),
  });
  return roomEvents.reopen(tables, context, { sender: device.userId, partHash: hash });
};

const takeResend = (tables: TableWriter, device: Device, message: Envelope): TimelineRow[] => {
  const { room_id: roomId, content } = message;
  const { event_id: eventId, envelope } = content;
  if (typeof eventId !== 'string' || !isObject(envelope)) return [];
  const row = tables.get('timeline', { roomId, eventId });
  const asked = tables.get('retryRequests', { roomId, eventId });
  if (row?.state !== 'waiting' || asked?.address !== device.address) return [];
  const { type, content: inner, txn_id: txnId } = envelope;
  if (typeof type !== 'string' || typeof txnId !== 'string' || !isObject(inner)) return [];
  return [roomEvents.takeResent(tables, row, { ...message, type, content: inner, txn_id: txnId })];
};

const takeDistribution = async (
  tables: TableWriter,
  context: EngineContext,
  device: Device,
  { room_id: roomId, content }: Envelope,
): Promise<TimelineRow[]> => {
  if (!(await senderKeys.receive(tables, context, device.address, roomId, content))) return [];
  const distributionId = String(content['distribution_id']);
  const where = { sender: device.userId, senderDevice: device.deviceId, roomId, distributionId };
  return roomEvents.reopen(tables, context, where);
};

const handle = async (
  tables: TableWriter,
  context: EngineContext,
  device: Device,
  event: ToDeviceEvent,
  envelope: Envelope,
): Promise<readonly TimelineRow[]> => {
  switch (envelope.type) {
    case signalNames.distribution:
      return takeDistribution(tables, context, device, envelope);
    case signalNames.part:
      return takePart(tables, context, device, event, envelope);
    case signalNames.resend:
      return takeResend(tables, device, envelope);
    case signalNames.retryRequest:
      await retry.answer(tables, context, device, envelope);
      return [];
    default:
      return [];
  }
};

const keepForLater = (tables: TableWriter, context: EngineContext, event: ToDeviceEvent): void => {
  const { sender, content } = event;
  const where = { sender };
  const [oldest] = tables.all('pendingToDevice', { where, orderBy: 'position', limit: 1 });
  if (oldest && tables.count('pendingToDevice', where) >= limits.pendingToDevicePerSenderMax) {
    tables.delete('pendingToDevice', { position: oldest.position });
  }
  const position = tables.get('counters', { name: 'pendingToDevice' })?.next ?? 1;
  tables.put('counters', { name: 'pendingToDevice', next: position + 1 });
  tables.put('pendingToDevice', {
    position,
    sender,
    senderDevice: String(content['sender_device']),
    content,
    receivedAt: context.now(),
  });
};

/** Messages for this device, beside the rooms: distributions, parts, retries, and the client's own. */
export const toDeviceEvents = {
  receive: async (
    tables: TableWriter,
    context: EngineContext,
    event: ToDeviceEvent,
  ): Promise<ToDeviceResult> => {
    const overlay = new Overlay(tables);
    const { sender, content } = event;
    const opening = await openMessage(overlay, context, { sender, content });
    const deviceId = content['sender_device'];
    const outcome = {
      sender,
      senderDevice: typeof deviceId === 'string' ? deviceId : null,
      state: opening.state,
    };
    if (opening.state !== 'decrypted') {
      if (opening.state === 'waiting' && !opening.ask) {
        roomEvents.wantDevices(overlay, sender, context.now());
        keepForLater(overlay, context, event);
      }
      overlay.applyTo(tables);
      return { outcome: { ...outcome, reason: opening.reason }, updated: [] };
    }
    const { device, envelope } = opening;
    const updated = await handle(overlay, context, device, event, envelope);
    overlay.applyTo(tables);
    const isOurs = envelope.type.startsWith('dev.candor.signal.');
    const message = { type: envelope.type, content: envelope.content };
    return { outcome: isOurs ? outcome : { ...outcome, message }, updated };
  },

  /** Takes out what was kept until this user's devices are known and trusted. */
  takeKept: (tables: TableWriter, sender: string): ToDeviceEvent[] => {
    const kept = tables.all('pendingToDevice', { where: { sender }, orderBy: 'position' });
    tables.delete('pendingToDevice', { sender });
    return kept.map(({ content }) => ({ type: signalNames.encryptedEvent, sender, content }));
  },
};
