import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { EngineRequest, SessionContext } from './engine-context.ts';
import { plaintext } from './plaintext.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';
import { yieldEvery } from './yield-every.ts';

type Device = Row<'devices'>;
export type ToDeviceMessage = { readonly device: Device; readonly content: JsonObject };

const putRow = (
  tables: TableWriter,
  context: SessionContext,
  eventType: string,
  messages: JsonObject,
  beforeTxnId: string | null,
): void => {
  const position = nextPosition(tables);
  tables.put('counters', { name: counter, next: position + 1 });
  tables.put('toDeviceOutbox', {
    txnId: randomUUID(),
    position,
    ...{ eventType, messages, beforeTxnId },
    createdAt: context.now(),
  });
};

/** Each is as large as a request, so few at a time. */
const rowsPerRead = 8;
const counter = 'toDeviceOutbox';

const nextPosition = (tables: TableReader): number => {
  const newest = { orderBy: 'position', descending: true, limit: 1 } as const;
  const { next } = tables.get('counters', { name: counter }) ?? {};
  return next ?? (tables.all('toDeviceOutbox', newest)[0]?.position ?? 0) + 1;
};

const addRow = (
  tables: TableWriter,
  context: SessionContext,
  messages: readonly ToDeviceMessage[],
  beforeTxnId: string | null,
): void => {
  const users = Map.groupBy(messages, ({ device }) => device.userId);
  const byDevice = Object.fromEntries(
    [...users].map(([userId, entries]) => [
      userId,
      Object.fromEntries(entries.map(({ device, content }) => [device.deviceId, content])),
    ]),
  );
  putRow(tables, context, signalNames.encryptedEvent, byDevice, beforeTxnId);
};

/** To-device messages that are still to be sent, kept until the server has them. */
export const toDeviceOutbox = {
  /** The name of the counter that positions are taken from. */
  counter,
  nextPosition,

  /** One device's encrypted content; there has to be a session. */
  encrypt: async (
    tables: TableWriter,
    context: SessionContext,
    device: Device,
    message: { readonly type: string; readonly roomId: string; readonly content: JsonObject },
  ): Promise<ToDeviceMessage> => {
    const { userId, deviceId } = context.identity;
    const bytes = plaintext.write({
      v: 1,
      room_id: message.roomId,
      sender: userId,
      sender_device: deviceId,
      type: message.type,
      content: message.content,
      txn_id: randomUUID(),
    });
    const share = await sessions.encrypt(tables, context, device.address, bytes);
    const content = {
      algorithm: signalNames.pairwise,
      sender_device: deviceId,
      ciphertext: { [device.address]: share },
    };
    return { device, content };
  },

  /** Queues messages, in as many requests as their size asks for; `beforeTxnId` names the room event that waits for them. */
  add: (
    tables: TableWriter,
    context: SessionContext,
    messages: readonly ToDeviceMessage[],
    beforeTxnId: string | null = null,
  ): void => {
    let batch: ToDeviceMessage[] = [];
    let bytes = 0;
    for (const message of messages) {
      const size = JSON.stringify(message.content).length;
      if (batch.length > 0 && bytes + size > limits.toDeviceRequestBytesMax) {
        addRow(tables, context, batch, beforeTxnId);
        batch = [];
        bytes = 0;
      }
      batch.push(message);
      bytes += size;
    }
    if (batch.length > 0) addRow(tables, context, batch, beforeTxnId);
  },

  /** Queues one request of messages that travel unencrypted, by user and device. */
  addPlain: (
    tables: TableWriter,
    context: SessionContext,
    eventType: string,
    messages: JsonObject,
  ): void => putRow(tables, context, eventType, messages, null),

  /** The requests a room event waits for, or with null those that nothing waits for, oldest first. */
  requests: async (tables: TableReader, beforeTxnId: string | null): Promise<EngineRequest[]> => {
    const pause = yieldEvery(limits.eventLoopHoldMsMax);
    const requests: EngineRequest[] = [];
    let below = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const newest = { orderBy: 'position', descending: true, below, limit: rowsPerRead } as const;
      const rows = tables.all('toDeviceOutbox', { where: { beforeTxnId }, ...newest });
      for (const { position, eventType, txnId, messages } of rows) {
        requests.push({ operation: 'sendToDevice', eventType, txnId, body: { messages } });
        below = position;
      }
      if (rows.length < rowsPerRead) return requests.reverse();
      await pause();
    }
  },
};
