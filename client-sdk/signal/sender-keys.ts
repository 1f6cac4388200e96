import { randomUUID } from 'node:crypto';
import { encodeBase64, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import {
  ErrorCode,
  groupDecrypt,
  groupEncrypt,
  LibSignalErrorBase,
  processSenderKeyDistributionMessage,
  SenderKeyDistributionMessage,
  SenderKeyMessage,
} from '@signalapp/libsignal-client';
import { Overlay } from '../stores/overlay.ts';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { protocolAddress } from './address.ts';
import { base64Bytes } from './base64-bytes.ts';
import type { SessionContext } from './engine-context.ts';
import { libsignalStores } from './libsignal-stores.ts';

/** How long one distribution is used; a room may lower the limits, never raise them. */
export type Rotation = { readonly messages?: number; readonly periodMs?: number };

export type GroupOpened =
  | { readonly plaintext: Uint8Array; readonly reason?: undefined }
  | {
      readonly plaintext?: undefined;
      readonly reason:
        | 'malformed'
        | 'replayed'
        | 'missing-distribution'
        | 'before-distribution'
        | 'forged'
        | 'wrong-room';
    };

const isSpent = (epoch: Row<'senderKeyEpochs'>, rotation: Rotation, now: number): boolean => {
  const messages = Math.min(rotation.messages ?? Infinity, limits.senderKeyMessagesMax);
  const period = Math.min(rotation.periodMs ?? Infinity, limits.senderKeyLifetimeMs);
  return epoch.messages >= Math.max(messages, 1) || now - epoch.createdAt >= period;
};

const endEpoch = (
  tables: TableWriter,
  context: SessionContext,
  epoch: Row<'senderKeyEpochs'>,
): void => {
  const { distributionId } = epoch;
  tables.put('senderKeyEpochs', { ...epoch, endedAt: context.now() });
  tables.delete('senderKeys', { address: context.identity.address, distributionId });
};

const forgetOldSenderKeys = (tables: TableWriter, address: string, roomId: string): void => {
  const where = { address, roomId };
  const rows = tables.all('senderKeys', { where, orderBy: 'createdAt', descending: true });
  for (const { distributionId } of rows.slice(limits.senderKeysPerRoomDeviceMax)) {
    tables.delete('senderKeys', { address, distributionId });
  }
};

const readMessage = (content: JsonObject) => {
  const bytes = base64Bytes(content['ciphertext']);
  if (!bytes) return undefined;
  try {
    const message = SenderKeyMessage.deserialize(bytes);
    const distributionId = message.distributionId();
    if (distributionId !== content['distribution_id']) return undefined;
    return { bytes, distributionId, iteration: message.iteration() };
  } catch {
    return undefined;
  }
};

/** Sender Keys: one chain per room, sending device and epoch, handed out in pairwise messages. */
export const senderKeys = {
  /**
   * The distribution id to encrypt with for exactly these devices, and who has it. It changes when
   * a device that has the present one is no longer among them, and by count and time.
   */
  currentEpoch: (
    tables: TableWriter,
    context: SessionContext,
    roomId: string,
    eligible: ReadonlySet<string>,
    rotation: Rotation,
  ): { readonly distributionId: string; readonly holders: ReadonlySet<string> } => {
    const now = context.now();
    for (const epoch of tables.all('senderKeyEpochs', { where: { roomId, endedAt: null } })) {
      const { distributionId } = epoch;
      const recipients = tables.all('senderKeyRecipients', { where: { distributionId } });
      const holders = new Set(recipients.map(({ address }) => address));
      if (holders.isSubsetOf(eligible) && !isSpent(epoch, rotation, now)) {
        return { distributionId, holders };
      }
      endEpoch(tables, context, epoch);
    }
    const distributionId = randomUUID();
    tables.put('senderKeyEpochs', {
      distributionId,
      roomId,
      createdAt: now,
      messages: 0,
      endedAt: null,
    });
    return { distributionId, holders: new Set() };
  },

  /** The distribution message from the present step on: what a device gets that may read from now. */
  distribution: async (
    tables: TableWriter,
    context: SessionContext,
    roomId: string,
    distributionId: string,
  ): Promise<Uint8Array<ArrayBuffer>> => {
    const message = await SenderKeyDistributionMessage.create(
      protocolAddress(context.identity.address),
      distributionId,
      libsignalStores(tables, context).senderKeys(roomId),
    );
    return message.serialize();
  },

  /** Takes a distribution that a device sent inside a pairwise message of its own. */
  receive: async (
    tables: TableWriter,
    context: SessionContext,
    address: string,
    roomId: string,
    content: JsonObject,
  ): Promise<boolean> => {
    const bytes = base64Bytes(content['distribution']);
    if (!bytes) return false;
    const overlay = new Overlay(tables);
    try {
      const message = SenderKeyDistributionMessage.deserialize(bytes);
      const distributionId = message.distributionId();
      const known = overlay.get('senderKeys', { address, distributionId });
      if (distributionId !== content['distribution_id'] || (known && known.roomId !== roomId)) {
        return false;
      }
      const store = libsignalStores(overlay, context).senderKeys(roomId);
      await processSenderKeyDistributionMessage(protocolAddress(address), message, store);
      const row = overlay.get('senderKeys', { address, distributionId });
      if (!known && row) overlay.put('senderKeys', { ...row, firstIteration: message.iteration() });
    } catch {
      return false;
    }
    forgetOldSenderKeys(overlay, address, roomId);
    overlay.applyTo(tables);
    return true;
  },

  encrypt: async (
    tables: TableWriter,
    context: SessionContext,
    roomId: string,
    distributionId: string,
    plaintext: Uint8Array<ArrayBuffer>,
  ): Promise<string> => {
    const epoch = tables.get('senderKeyEpochs', { distributionId });
    if (epoch) tables.put('senderKeyEpochs', { ...epoch, messages: epoch.messages + 1 });
    const { address } = context.identity;
    const store = libsignalStores(tables, context).senderKeys(roomId);
    if (!tables.get('senderKeys', { address, distributionId })) {
      // Nobody to hand it to yet; making the distribution is what makes the chain.
      await SenderKeyDistributionMessage.create(protocolAddress(address), distributionId, store);
    }
    const message = await groupEncrypt(protocolAddress(address), distributionId, store, plaintext);
    return encodeBase64(message.serialize());
  },

  /** Decrypts a group message of the device at `address`; when that fails, the tables are as they were. */
  decrypt: async (
    tables: TableWriter,
    context: SessionContext,
    address: string,
    roomId: string,
    content: JsonObject,
  ): Promise<GroupOpened> => {
    const read = readMessage(content);
    if (!read) return { reason: 'malformed' };
    const { bytes, distributionId, iteration } = read;
    const known = tables.get('senderKeys', { address, distributionId });
    if (!known) return { reason: 'missing-distribution' };
    if (known.roomId !== roomId) return { reason: 'wrong-room' };
    if (iteration < known.firstIteration) return { reason: 'before-distribution' };
    const overlay = new Overlay(tables);
    const store = libsignalStores(overlay, context).senderKeys(roomId);
    try {
      const plaintext = await groupDecrypt(protocolAddress(address), store, bytes);
      overlay.applyTo(tables);
      return { plaintext };
    } catch (error) {
      if (LibSignalErrorBase.is(error, ErrorCode.DuplicatedMessage)) return { reason: 'replayed' };
      const noChain = LibSignalErrorBase.is(error, ErrorCode.InvalidSenderKeySession);
      // We hold this chain, so what does not open was not written by the device that made it.
      return { reason: noChain ? 'missing-distribution' : 'forged' };
    }
  },

  /** Distributions of ended epochs are kept a week, for devices that ask again. */
  forgetOld: (tables: TableWriter, now: number): void => {
    for (const { distributionId, endedAt } of tables.all('senderKeyEpochs')) {
      if (endedAt === null || now - endedAt <= limits.senderKeyAnswersKeptMs) continue;
      tables.delete('senderKeyRecipients', { distributionId });
      tables.delete('senderKeyEpochs', { distributionId });
    }
  },
};
