import { decodeBase64, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { SessionContext } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { partHash } from './part-hash.ts';
import { type QueriedUser, readKeysQuery } from './read-keys-query.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';
import { type ToDeviceMessage, toDeviceOutbox } from './to-device-outbox.ts';
import { yieldEvery } from './yield-every.ts';

type Device = Row<'devices'>;
/** A user, or with a device id one of their devices. */
export type Addressee = { readonly userId: string; readonly deviceId?: string };
type Addressees<Extra> = { readonly entries: readonly (Addressee & Extra)[] };
type OfDevice<Extra = unknown> = Addressees<{ readonly deviceId: string } & Extra>;
/** A message for several devices, queued before the room event `txnId`. */
type ToDevices = OfDevice & {
  readonly roomId: string;
  readonly content: JsonObject;
  readonly txnId: string;
};

const deviceOf = (tables: TableReader, userId: string, deviceId: string): Device => {
  const device = tables.get('devices', { userId, deviceId });
  if (!device) throw new Error(`the device ${deviceId} of ${userId} is not known`);
  return device;
};

const encryptForAll = async (
  tables: TableWriter,
  context: SessionContext,
  { entries, roomId, content, txnId }: ToDevices,
  type: string,
): Promise<ToDeviceMessage[]> => {
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  const messages: ToDeviceMessage[] = [];
  for (const { userId, deviceId } of entries) {
    const device = deviceOf(tables, userId, deviceId);
    const message = { type, roomId, content };
    messages.push(await toDeviceOutbox.encrypt(tables, context, device, message));
    await pause();
  }
  toDeviceOutbox.add(tables, context, messages, txnId);
  return messages;
};

/**
 * What is done for many devices at once and takes long. A task reads and writes only the rows of
 * its entries' users, devices and sessions, and its input is JSON, so that another thread can do it.
 */
export const fanOutTasks = {
  /** Reads users' entries of an answer to a key query, which is mostly checking signatures. */
  readUsers: async (
    _tables: TableWriter,
    _context: SessionContext,
    {
      entries,
      answer,
    }: Addressees<{ readonly selfSigningKey: string | null }> & { readonly answer: JsonObject },
  ): Promise<QueriedUser[]> => {
    const pause = yieldEvery(limits.eventLoopHoldMsMax);
    const users: QueriedUser[] = [];
    for (const { userId, selfSigningKey } of entries) {
      users.push(readKeysQuery(answer, userId, selfSigningKey));
      await pause();
    }
    return users;
  },

  /** Starts sessions from claimed objects; tells for each whether it could be used. */
  startSessions: async (
    tables: TableWriter,
    context: SessionContext,
    { entries }: OfDevice<{ readonly object: unknown }>,
  ): Promise<boolean[]> => {
    const pause = yieldEvery(limits.eventLoopHoldMsMax);
    const started: boolean[] = [];
    for (const { userId, deviceId, object } of entries) {
      const device = deviceOf(tables, userId, deviceId);
      started.push(await sessions.start(tables, context, device, object));
      await pause();
    }
    return started;
  },

  /** Hands a distribution out; the devices count as having it from now on. */
  distribute: async (
    tables: TableWriter,
    context: SessionContext,
    task: ToDevices & { readonly distributionId: string; readonly distribution: string },
  ): Promise<null> => {
    const { distributionId } = task;
    const messages = await encryptForAll(tables, context, task, signalNames.distribution);
    const distribution = new Uint8Array(decodeBase64(task.distribution) ?? []);
    for (const { device } of messages) {
      const { userId, deviceId, address } = device;
      const recipient = { distributionId, address, userId, deviceId, distribution };
      tables.put('senderKeyRecipients', recipient);
    }
    return null;
  },

  /** Sends a direct message as parts beside its event; gives the hash by which the event names each. */
  sendParts: async (
    tables: TableWriter,
    context: SessionContext,
    task: ToDevices,
  ): Promise<(readonly [address: string, hash: string])[]> => {
    const messages = await encryptForAll(tables, context, task, signalNames.part);
    return messages.map(({ device: { address }, content }) => {
      const share = memberOf(content['ciphertext'], address);
      return [address, partHash(String(memberOf(share, 'body')))];
    });
  },
};
