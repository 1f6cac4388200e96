import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';

type Queued = Row<'sendQueue'>;

/** The stored form of events that are to be sent. */
export const queuedEvent = {
  add: (tx: TableWriter, roomId: string, type: string, content: JsonObject): string => {
    const txnId = randomUUID();
    const newest = { orderBy: 'position', descending: true, limit: 1 } as const;
    const position = (tx.all('sendQueue', newest)[0]?.position ?? 0) + 1;
    tx.put('sendQueue', {
      ...{ txnId, roomId, type, content, position, state: 'queued', createdAt: Date.now() },
      ...{ encryptedContent: null, contentHash: null, distributionId: null },
      ...{ recipients: null, error: null },
    });
    return txnId;
  },

  /** The next one to send into a room. */
  next: (tables: TableReader, roomId: string): Queued | undefined =>
    tables
      .all('sendQueue', { where: { roomId }, orderBy: 'position' })
      .find(({ state }) => state !== 'failed'),

  /** The event is encrypted anew before it is sent, if it is. */
  forgetEncryption: (
    tx: TableWriter,
    txnId: string,
    state: 'queued' | 'failed',
    error: string | null,
  ): void => {
    const row = tx.get('sendQueue', { txnId });
    if (!row) return;
    const cleared = { encryptedContent: null, contentHash: null, distributionId: null };
    tx.put('sendQueue', { ...row, ...cleared, recipients: null, state, error });
    // Keys that were to go ahead of it still go: their readers count as having them.
    for (const message of tx.all('toDeviceOutbox', { where: { beforeTxnId: txnId } })) {
      tx.put('toDeviceOutbox', { ...message, beforeTxnId: null });
    }
  },
};
