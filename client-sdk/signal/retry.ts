import { encodeBase64, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { deviceDirectory } from './device-directory.ts';
import type { EngineContext } from './engine-context.ts';
import type { Envelope } from './plaintext.ts';
import { signalNames } from './signal-names.ts';
import { type ToDeviceMessage, toDeviceOutbox } from './to-device-outbox.ts';

type Device = Row<'devices'>;
type RetryRequest = Row<'retryRequests'>;

const dueRequests = (tables: TableReader, now: number, address?: string): RetryRequest[] =>
  tables
    .all('retryRequests', {
      where: { open: true, ...(address === undefined ? {} : { address }) },
      orderBy: 'dueAt',
    })
    .filter(({ dueAt }) => dueAt <= now);

const mayAnswer = (tables: TableWriter, address: string, eventId: string, now: number): boolean => {
  const last = tables.get('retryAnswers', { address, eventId });
  const { retryAnswersMax, retryAnswerIntervalMs } = limits;
  if (last && last.answers >= retryAnswersMax) return false;
  if (last && now - last.answeredAt < retryAnswerIntervalMs) return false;
  const answers = (last?.answers ?? 0) + 1;
  tables.put('retryAnswers', { address, eventId, answers, answeredAt: now });
  return true;
};

/** What to send so that the device can read one of our events; only what it was given before. */
const answerFor = (
  tables: TableReader,
  device: Device,
  event: Row<'timeline'>,
): { type: string; content: JsonObject } | undefined => {
  const { address } = device;
  const { distributionId } = event;
  if (distributionId !== null) {
    const given = tables.get('senderKeyRecipients', { distributionId, address });
    if (!given) return undefined;
    const distribution = encodeBase64(given.distribution);
    const content = { distribution_id: distributionId, distribution };
    return { type: signalNames.distribution, content };
  }
  if (!event.recipients?.includes(address) || event.content === null) return undefined;
  const envelope = { type: event.type, content: event.content, txn_id: event.txnId ?? '' };
  return { type: signalNames.resend, content: { event_id: event.eventId, envelope } };
};

const eventIdsOf = (content: JsonObject): string[] => {
  const ids = content['event_ids'];
  if (!Array.isArray(ids)) return [];
  return ids.filter((id) => typeof id === 'string').slice(0, limits.retryEventsPerRequestMax);
};

/** Asking the sending device for what could not be read, and answering such requests. */
export const retry = {
  /** Notes that an event's sending device is to be asked, after a delay in which things may arrive by themselves. */
  want: (tables: TableWriter, now: number, event: Row<'timeline'>, device: Device): void => {
    const { roomId, eventId } = event;
    if (tables.get('retryRequests', { roomId, eventId })) return;
    const { userId, deviceId, address } = device;
    const dueAt = now + limits.retryFirstDelayMs;
    tables.put('retryRequests', {
      ...{ roomId, eventId, userId, deviceId, address, dueAt },
      attempts: 0,
      open: true,
    });
  },

  /** Devices to ask now. Each is asked in a session started anew, which also replaces a broken one. */
  devicesToAsk: (tables: TableReader, now: number): Device[] => {
    const addresses = new Set(dueRequests(tables, now).map(({ address }) => address));
    return [...addresses].flatMap((address) => {
      const device = deviceDirectory.byAddress(tables, address);
      const may = device && device.claimAfter <= now && deviceDirectory.isEligible(tables, device);
      return may ? [device] : [];
    });
  },

  /** The requests that are due for a device with which a new session was just started. */
  ask: async (
    tables: TableWriter,
    context: EngineContext,
    device: Device,
  ): Promise<ToDeviceMessage[]> => {
    const now = context.now();
    const due = dueRequests(tables, now, device.address).slice(0, limits.retryEventsPerRequestMax);
    const messages: ToDeviceMessage[] = [];
    for (const [roomId, requests] of Map.groupBy(due, (request) => request.roomId)) {
      const content = { event_ids: requests.map(({ eventId }) => eventId) };
      const message = { type: signalNames.retryRequest, roomId, content };
      messages.push(await toDeviceOutbox.encrypt(tables, context, device, message));
    }
    for (const request of due) {
      const attempts = request.attempts + 1;
      const dueAt = now + limits.keyRequestBackoffMs * 10 ** request.attempts;
      const open = attempts < limits.retryAttemptsMax;
      tables.put('retryRequests', { ...request, attempts, dueAt, open });
    }
    return messages;
  },

  /** Answers a request of a device: the distribution for group events, the message itself for direct ones. */
  answer: async (
    tables: TableWriter,
    context: EngineContext,
    device: Device,
    request: Envelope,
  ): Promise<void> => {
    if (!deviceDirectory.isEligible(tables, device)) return;
    const { userId, deviceId } = context.identity;
    const messages: ToDeviceMessage[] = [];
    const distributions = new Set<string>();
    for (const eventId of eventIdsOf(request.content)) {
      const event = tables.get('timeline', { roomId: request.room_id, eventId });
      if (event?.sender !== userId || event.senderDevice !== deviceId) continue;
      if (event.distributionId !== null && distributions.has(event.distributionId)) continue;
      const content = answerFor(tables, device, event);
      if (!content || !mayAnswer(tables, device.address, eventId, context.now())) continue;
      if (event.distributionId !== null) distributions.add(event.distributionId);
      const message = { ...content, roomId: request.room_id };
      messages.push(await toDeviceOutbox.encrypt(tables, context, device, message));
    }
    toDeviceOutbox.add(tables, context, messages);
  },
};
