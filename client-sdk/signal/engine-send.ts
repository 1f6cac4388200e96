import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { deviceDirectory } from './device-directory.ts';
import {
  distribute,
  encryptDirect,
  encryptGroup,
  type OutgoingEvent,
} from './encrypt-room-event.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { engineRequests } from './engine-requests.ts';
import { type EventAudience, eventAudience, type Withheld } from './event-audience.ts';
import { contentHash, roomEvents } from './room-events.ts';
import { senderKeys } from './sender-keys.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';
import { toDeviceOutbox } from './to-device-outbox.ts';
import { yieldEvery } from './yield-every.ts';

type Device = Row<'devices'>;

/** One step of encrypting an event: repeat until it is `ready` or `blocked`. */
export type EncryptStep =
  /** Make these requests, hand in their answers, and ask again. */
  | { readonly status: 'needs'; readonly requests: readonly EngineRequest[] }
  | {
      readonly status: 'blocked';
      readonly reason: 'identity-changed' | 'own-device-not-signed';
      readonly userIds: readonly string[];
    }
  /** Stored in the send queue; send the to-device requests first, then the event under this txnId. */
  | {
      readonly status: 'ready';
      readonly txnId: string;
      readonly type: string;
      readonly content: JsonObject;
      readonly toDevice: readonly EngineRequest[];
      readonly withheld: readonly Withheld[];
    };

/** More devices lack the group's key than one transaction should hold: it is handed to some at a time. */
export type DistributeStep = {
  readonly status: 'distribute';
  readonly distributionId: string;
  readonly slices: readonly (readonly Device[])[];
};

const ready = async (
  tables: TableWriter,
  txnId: string,
  content: JsonObject,
  withheld: readonly Withheld[],
): Promise<EncryptStep> => {
  const toDevice = await toDeviceOutbox.requests(tables, txnId);
  return { status: 'ready', txnId, type: signalNames.encryptedEvent, content, toDevice, withheld };
};

const ownDeviceIsSigned = (tables: TableWriter, { identity }: EngineContext): boolean => {
  const { userId, deviceId } = identity;
  const device = tables.get('devices', { userId, deviceId });
  return device !== undefined && deviceDirectory.isEligible(tables, device);
};

/** Devices without a session, and those of them to claim for now; the others are left out for a while. */
export const withoutSession = async (
  tables: TableWriter,
  context: EngineContext,
  devices: readonly Device[],
): Promise<{ missing: ReadonlySet<Device>; claimable: readonly Device[] }> => {
  const now = context.now();
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  const missing = new Set<Device>();
  for (const device of devices) {
    if (!sessions.canSend(tables, context, device.address)) missing.add(device);
    await pause();
  }
  return { missing, claimable: [...missing].filter(({ claimAfter }) => claimAfter <= now) };
};

const nextQueuePosition = (tables: TableWriter): number => {
  const newest = { orderBy: 'position', descending: true, limit: 1 } as const;
  return (tables.all('sendQueue', newest)[0]?.position ?? 0) + 1;
};

/** Those of a group's devices that need the key of its present epoch first. */
const withoutKey = (
  tables: TableWriter,
  context: EngineContext,
  { roomId, rotation = {} }: OutgoingEvent,
  devices: readonly Device[],
) => {
  const eligible = new Set(devices.map(({ address }) => address));
  const epoch = senderKeys.currentEpoch(tables, context, roomId, eligible, rotation);
  return {
    distributionId: epoch.distributionId,
    wanted: devices.filter(({ address }) => !epoch.holders.has(address)),
  };
};

const encrypt = async (
  tables: TableWriter,
  context: EngineContext,
  event: OutgoingEvent,
  { devices, withheld }: EventAudience,
): Promise<EncryptStep | DistributeStep> => {
  const { roomId, txnId, type, content } = event;
  const { wanted, distributionId } = event.direct
    ? { wanted: devices, distributionId: undefined }
    : withoutKey(tables, context, event, devices);
  const { missing, claimable } = await withoutSession(tables, context, wanted);
  if (claimable.length > 0) {
    return { status: 'needs', requests: engineRequests.claimRequests(claimable) };
  }
  const reachable = wanted.filter((device) => !missing.has(device));
  if (distributionId !== undefined && reachable.length > limits.fanOutDevicesMax) {
    const slices: Device[][] = [];
    for (let at = 0; at < reachable.length; at += limits.fanOutDevicesMax) {
      slices.push(reachable.slice(at, at + limits.fanOutDevicesMax));
    }
    return { status: 'distribute', distributionId, slices };
  }
  if (distributionId !== undefined) {
    await distribute(tables, context, event, distributionId, reachable);
  }
  const encrypted =
    distributionId === undefined
      ? await encryptDirect(tables, context, event, reachable)
      : await encryptGroup(tables, context, event, distributionId);
  const queued = tables.get('sendQueue', { txnId });
  tables.put('sendQueue', {
    ...{ txnId, roomId, type, content },
    position: queued?.position ?? nextQueuePosition(tables),
    state: 'encrypted',
    createdAt: queued?.createdAt ?? context.now(),
    encryptedContent: encrypted.content,
    contentHash: contentHash(encrypted.content) ?? null,
    distributionId: encrypted.distributionId,
    recipients: encrypted.recipients,
    error: null,
  });
  const unreachable = [...missing].map(({ userId, deviceId }) => {
    return { userId, deviceId, reason: 'no-one-time-key' } as const;
  });
  return ready(tables, txnId, encrypted.content, [...withheld, ...unreachable]);
};

/** Whether everybody an event was encrypted to may still read it; otherwise it is encrypted anew. */
const stillFits = (
  tables: TableWriter,
  { distributionId, recipients }: Row<'sendQueue'>,
  eligible: ReadonlySet<string>,
): boolean => {
  const given =
    distributionId === null
      ? (recipients ?? [])
      : tables
          .all('senderKeyRecipients', { where: { distributionId } })
          .map(({ address }) => address);
  return given.every((address) => eligible.has(address));
};

/** Sending room events: who gets them, what is needed first, and what becomes of them afterwards. */
export const engineSend = {
  encryptStep: async (
    tables: TableWriter,
    context: EngineContext,
    event: OutgoingEvent,
  ): Promise<EncryptStep | DistributeStep> => {
    const audience = await eventAudience(tables, context, event);
    const { userIds, blocked, devices, withheld } = audience;
    const pause = yieldEvery(limits.eventLoopHoldMsMax);
    for (const userId of userIds) {
      deviceDirectory.track(tables, [userId]);
      await pause();
    }
    const uploads = ownDeviceIsSigned(tables, context)
      ? []
      : engineRequests.uploads(tables, context);
    // A direct message has nobody else to go to; a group does not wait for one member's server.
    const queries = deviceDirectory.queryRequests(tables, context.now(), userIds, event.direct);
    const requests = [...uploads, ...queries];
    await pause();
    if (requests.length > 0) return { status: 'needs', requests };
    const queued = tables.get('sendQueue', { txnId: event.txnId });
    const eligible = new Set(devices.map(({ address }) => address));
    if (queued?.encryptedContent && stillFits(tables, queued, eligible)) {
      return ready(tables, event.txnId, queued.encryptedContent, withheld);
    }
    if (!ownDeviceIsSigned(tables, context)) {
      const userIds = [context.identity.userId];
      return { status: 'blocked', reason: 'own-device-not-signed', userIds };
    }
    if (blocked.length > 0) {
      return { status: 'blocked', reason: 'identity-changed', userIds: blocked };
    }
    return encrypt(tables, context, event, audience);
  },

  /** Does one slice of a `distribute` step. */
  distribute: async (
    tables: TableWriter,
    context: EngineContext,
    event: OutgoingEvent,
    distributionId: string,
    devices: readonly Device[],
  ): Promise<void> => {
    const epoch = tables.get('senderKeyEpochs', { distributionId });
    if (epoch?.endedAt !== null) throw new Error('the key changed while it was handed out');
    await distribute(tables, context, event, distributionId, devices);
  },

  /** The server took the event: its plaintext moves from the send queue into the timeline. */
  markSent: (
    tables: TableWriter,
    { identity }: EngineContext,
    txnId: string,
    eventId: string,
    originServerTs: number,
  ): Row<'timeline'> | undefined => {
    const sent = tables.get('sendQueue', { txnId });
    if (!sent) return undefined;
    tables.delete('sendQueue', { txnId });
    const { roomId } = sent;
    const row = roomEvents.ownRow(sent, {
      eventId,
      position: roomEvents.nextPosition(tables, roomId, false),
      localEcho: true,
      sender: identity.userId,
      senderDevice: identity.deviceId,
      originServerTs,
    });
    tables.put('timeline', row);
    return row;
  },

  /** The event will not be sent. Its to-device messages still go: the devices count as having them. */
  abandon: (tables: TableWriter, txnId: string): void => {
    tables.delete('sendQueue', { txnId });
    for (const row of tables.all('toDeviceOutbox', { where: { beforeTxnId: txnId } })) {
      tables.put('toDeviceOutbox', { ...row, beforeTxnId: null });
    }
  },
};
