import { isObject, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { warnings } from '../verification/trust.ts';
import { deviceDirectory } from './device-directory.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { engineIdentity } from './engine-identity.ts';
import { engineRequests } from './engine-requests.ts';
import { roomEvents, type TimelineEvent } from './room-events.ts';
import { signalNames } from './signal-names.ts';
import { type ToDeviceEvent, type ToDeviceOutcome, toDeviceEvents } from './to-device-events.ts';
import { yieldEvery } from './yield-every.ts';

/** What one `/sync` answer (or a page of history) has for the engine. */
export type ReceiveBatch = {
  readonly toDevice?: readonly ToDeviceEvent[];
  readonly rooms?: readonly {
    readonly roomId: string;
    /** Oldest first. */
    readonly events: readonly TimelineEvent[];
    /** Set for a page of older history. */
    readonly backwards?: boolean;
  }[];
  readonly deviceLists?: {
    readonly changed?: readonly string[];
    readonly left?: readonly string[];
  };
  /** `device_one_time_keys_count` and `device_unused_fallback_key_types`, as they came. */
  readonly oneTimeKeysCount?: JsonObject;
  readonly unusedFallbackKeyTypes?: readonly string[];
};

export type ReceiveOutcome = {
  /** The rooms' events of the batch, in its order. */
  readonly events: readonly Row<'timeline'>[];
  /** Events of earlier batches that became readable. */
  readonly updated: readonly Row<'timeline'>[];
  readonly toDevice: readonly ToDeviceOutcome[];
  /** Raised by this. */
  readonly warnings: readonly Row<'warnings'>[];
};

type Changes = { updated: Row<'timeline'>[]; toDevice: ToDeviceOutcome[] };

const receiveToDevice = async (
  tables: TableWriter,
  context: EngineContext,
  events: readonly ToDeviceEvent[],
  changes: Changes,
): Promise<void> => {
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  for (const event of events) {
    if (event.type !== signalNames.encryptedEvent || !isObject(event.content)) continue;
    const { outcome, updated } = await toDeviceEvents.receive(tables, context, event);
    changes.toDevice.push(outcome);
    changes.updated.push(...updated);
    await pause();
  }
};

const receiveRoom = async (
  tables: TableWriter,
  context: EngineContext,
  room: NonNullable<ReceiveBatch['rooms']>[number],
): Promise<Row<'timeline'>[]> => {
  const { roomId, events, backwards = false } = room;
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  const edge = roomEvents.nextPosition(tables, roomId, backwards);
  // A page of history ends just before what is known, so its first event is its length further back.
  const first = backwards ? edge - events.length + 1 : edge;
  const rows: Row<'timeline'>[] = [];
  for (const [index, event] of events.entries()) {
    rows.push(await roomEvents.receive(tables, context, roomId, event, first + index));
    await pause();
  }
  return rows;
};

const withNewWarnings = async (
  tables: TableWriter,
  read: () => Promise<Omit<ReceiveOutcome, 'warnings'>>,
): Promise<ReceiveOutcome> => {
  const before = new Set(warnings.open(tables).map((warning) => JSON.stringify(warning)));
  const outcome = await read();
  const raised = warnings.open(tables).filter((warning) => !before.has(JSON.stringify(warning)));
  return { ...outcome, warnings: raised };
};

const receiveBatch = async (
  tables: TableWriter,
  context: EngineContext,
  batch: ReceiveBatch,
): Promise<Omit<ReceiveOutcome, 'warnings'>> => {
  const { deviceLists, rooms = [] } = batch;
  const { userId } = context.identity;
  const left = (deviceLists?.left ?? []).filter((one) => one !== userId);
  deviceDirectory.untrack(tables, left);
  deviceDirectory.markOutdated(tables, deviceLists?.changed ?? []);
  engineRequests.takeKeyCounts(
    tables,
    userId,
    batch.oneTimeKeysCount,
    batch.unusedFallbackKeyTypes,
  );
  const changes: Changes = { updated: [], toDevice: [] };
  await receiveToDevice(tables, context, batch.toDevice ?? [], changes);
  const events: Row<'timeline'>[] = [];
  for (const room of rooms) events.push(...(await receiveRoom(tables, context, room)));
  return { ...changes, events };
};

/** What waited for a user's keys or trust is tried again. */
const reopenOf = async (
  tables: TableWriter,
  context: EngineContext,
  userIds: readonly string[],
): Promise<Omit<ReceiveOutcome, 'warnings'>> => {
  const changes: Changes = { updated: [], toDevice: [] };
  for (const sender of userIds) {
    const kept = toDeviceEvents.takeKept(tables, sender);
    await receiveToDevice(tables, context, kept, changes);
    changes.updated.push(...(await roomEvents.reopen(tables, context, { sender })));
  }
  return { ...changes, events: [] };
};

/** Everything that comes in from the server or is decided by the person. */
export const engineReceive = {
  batch: (tables: TableWriter, context: EngineContext, batch: ReceiveBatch) =>
    withNewWarnings(tables, () => receiveBatch(tables, context, batch)),

  answer: (tables: TableWriter, context: EngineContext, request: EngineRequest, answer: unknown) =>
    withNewWarnings(tables, async () => {
      const userIds = await engineRequests.apply(tables, context, request, answer);
      return reopenOf(tables, context, userIds);
    }),

  /** The person accepted this key of a user; undefined when it is another by now. */
  accepted: async (
    tables: TableWriter,
    context: EngineContext,
    userId: string,
    masterKey: string,
    how: 'acknowledged' | 'verified',
  ): Promise<ReceiveOutcome | undefined> => {
    const accepted = engineIdentity.accept(tables, context, userId, masterKey, how);
    return accepted && withNewWarnings(tables, () => reopenOf(tables, context, [userId]));
  },
};
