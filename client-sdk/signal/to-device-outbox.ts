import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { plaintext } from './plaintext.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';

type Device = Row<'devices'>;
export type ToDeviceMessage = { readonly device: Device; readonly content: JsonObject };

const addRow = (
  tables: TableWriter,
  context: EngineContext,
  messages: readonly ToDeviceMessage[],
  beforeTxnId: string | null,
): void => {
  const users = Map.groupBy(messages, ({ device }) => device.userId);
  const [newest] = tables.all('toDeviceOutbox', {
    orderBy: 'position',
    descending: true,
    limit: 1,
  });
  tables.put('toDeviceOutbox', {
    txnId: randomUUID(),
    position: (newest?.position ?? 0) + 1,
    eventType: signalNames.encryptedEvent,
    messages: Object.fromEntries(
      [...users].map(([userId, entries]) => [
        userId,
        Object.fromEntries(entries.map(({ device, content }) => [device.deviceId, content])),
      ]),
    ),
    beforeTxnId,
    createdAt: context.now(),
  });
};

/** Encrypted to-device messages that are still to be sent, kept until the server has them. */
export const toDeviceOutbox = {
  /** One device's encrypted content; there has to be a session. */
  encrypt: async (
    tables: TableWriter,
    context: EngineContext,
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
    context: EngineContext,
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

  /** The requests a room event waits for, or with null those that nothing waits for, oldest first. */
  requests: (tables: TableReader, beforeTxnId: string | null): EngineRequest[] =>
    tables
      .all('toDeviceOutbox', { where: { beforeTxnId }, orderBy: 'position' })
      .map(({ eventType, txnId, messages }) => ({
        operation: 'sendToDevice',
        eventType,
        txnId,
        body: { messages },
      })),
};
