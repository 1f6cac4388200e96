import type { JsonObject } from '@candor/federation';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { deviceDirectory } from './device-directory.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { engineRequests } from './engine-requests.ts';
import { withoutSession } from './engine-send.ts';
import { type ToDeviceMessage, toDeviceOutbox } from './to-device-outbox.ts';

type Device = Pick<Row<'devices'>, 'userId' | 'deviceId'>;

/** One step of sending to devices: repeat until it is `queued`. */
export type ToDeviceStep =
  /** Make these requests, hand in their answers, and ask again. */
  | { readonly status: 'needs'; readonly requests: readonly EngineRequest[] }
  /** In the outbox, for so many of the devices: the others are not trusted or cannot be reached now. */
  | { readonly status: 'queued'; readonly devices: number };

/** Queues the client's own message for devices, each in its pairwise session; never for this device. */
export const engineToDevice = async (
  tables: TableWriter,
  context: EngineContext,
  devices: readonly Device[],
  { type, content }: { readonly type: string; readonly content: JsonObject },
): Promise<ToDeviceStep> => {
  const wanted = devices
    .map(({ userId, deviceId }) => tables.get('devices', { userId, deviceId }))
    .filter((device) => device !== undefined)
    .filter((device) => device.address !== context.identity.address)
    .filter((device) => deviceDirectory.isEligible(tables, device));
  const { missing, claimable } = await withoutSession(tables, context, wanted);
  if (claimable.length > 0) {
    return { status: 'needs', requests: engineRequests.claimRequests(claimable) };
  }
  const messages: ToDeviceMessage[] = [];
  for (const device of wanted.filter((one) => !missing.has(one))) {
    const message = { type, content, roomId: '' };
    messages.push(await toDeviceOutbox.encrypt(tables, context, device, message));
  }
  toDeviceOutbox.add(tables, context, messages);
  return { status: 'queued', devices: messages.length };
};
