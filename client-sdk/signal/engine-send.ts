import type { JsonObject } from '@candor/federation';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { deviceDirectory } from './device-directory.ts';
import {
  audienceOf,
  encryptDirect,
  encryptGroup,
  type OutgoingEvent,
  type Withheld,
} from './encrypt-room-event.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { engineRequests } from './engine-requests.ts';
import { contentHash, roomEvents } from './room-events.ts';
import { senderKeys } from './sender-keys.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';
import { toDeviceOutbox } from './to-device-outbox.ts';

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

const ready = (
  tables: TableWriter,
  txnId: string,
  content: JsonObject,
  withheld: readonly Withheld[],
): EncryptStep => {
  const toDevice = toDeviceOutbox.requests(tables, txnId);
  return { status: 'ready', txnId, type: signalNames.encryptedEvent, content, toDevice, withheld };
};

const ownDeviceIsSigned = (tables: TableWriter, { identity }: EngineContext): boolean => {
  const { userId, deviceId } = identity;
  const device = tables.get('devices', { userId, deviceId });
  return device !== undefined && deviceDirectory.isEligible(tables, device);
};

/** Devices without a session, split into those to claim for now and those to leave out for a while. */
export const withoutSession = (
  tables: TableWriter,
  context: EngineContext,
  devices: readonly Device[],
) => {
  const now = context.now();
  const missing = devices.filter(({ address }) => !sessions.canSend(tables, context, address));
  return { missing, claimable: missing.filter(({ claimAfter }) => claimAfter <= now) };
};

const nextQueuePosition = (tables: TableWriter): number => {
  const newest = { orderBy: 'position', descending: true, limit: 1 } as const;
  return (tables.all('sendQueue', newest)[0]?.position ?? 0) + 1;
};

const encrypt = async (
  tables: TableWriter,
  context: EngineContext,
  event: OutgoingEvent,
): Promise<EncryptStep> => {
  const { roomId, txnId, type, content } = event;
  const { devices, withheld } = audienceOf(tables, context, event);
  const eligible = new Set(devices.map(({ address }) => address));
  const distributionId = event.direct
    ? undefined
    : senderKeys.currentEpoch(tables, context, roomId, eligible, event.rotation ?? {});
  const wanted =
    distributionId === undefined
      ? devices
      : devices.filter(
          ({ address }) => !tables.get('senderKeyRecipients', { distributionId, address }),
        );
  const { missing, claimable } = withoutSession(tables, context, wanted);
  if (claimable.length > 0) {
    return { status: 'needs', requests: [engineRequests.claimRequest(claimable)] };
  }
  const reachable = wanted.filter((device) => !missing.includes(device));
  const encrypted =
    distributionId === undefined
      ? await encryptDirect(tables, context, event, reachable)
      : await encryptGroup(tables, context, event, distributionId, reachable);
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
  const unreachable = missing.map(({ userId, deviceId }) => {
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
  ): Promise<EncryptStep> => {
    const { userIds, blocked, devices, withheld } = audienceOf(tables, context, event);
    const queued = tables.get('sendQueue', { txnId: event.txnId });
    const eligible = new Set(devices.map(({ address }) => address));
    if (queued?.encryptedContent && stillFits(tables, queued, eligible)) {
      return ready(tables, event.txnId, queued.encryptedContent, withheld);
    }
    deviceDirectory.track(tables, userIds);
    const uploads = ownDeviceIsSigned(tables, context)
      ? []
      : engineRequests.uploads(tables, context);
    const query = deviceDirectory.queryRequest(tables, context.now(), userIds);
    const requests = [...uploads, ...(query ? [query] : [])];
    if (requests.length > 0) return { status: 'needs', requests };
    if (!ownDeviceIsSigned(tables, context)) {
      const userIds = [context.identity.userId];
      return { status: 'blocked', reason: 'own-device-not-signed', userIds };
    }
    if (blocked.length > 0) {
      return { status: 'blocked', reason: 'identity-changed', userIds: blocked };
    }
    return encrypt(tables, context, event);
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
