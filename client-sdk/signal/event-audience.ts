import { limits } from '@candor/spec';
import type { TableReader } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { trust } from '../verification/trust.ts';
import { deviceDirectory } from './device-directory.ts';
import type { EngineContext } from './engine-context.ts';
import { yieldEvery } from './yield-every.ts';

type Device = Row<'devices'>;

/** A device that does not get a message, and why. */
export type Withheld = {
  readonly userId: string;
  readonly deviceId: string;
  readonly reason: 'not-signed' | 'keys-changed' | 'no-signal' | 'no-one-time-key';
};

const doubtOf = (device: Device): Withheld['reason'] => {
  if (device.keysChanged) return 'keys-changed';
  return device.signalIdentityKey === null ? 'no-signal' : 'not-signed';
};

export type EventAudience = {
  readonly userIds: ReadonlySet<string>;
  /** Users whose changed identity blocks the event. */
  readonly blocked: readonly string[];
  /** Those that get it, and those that do not. */
  readonly devices: readonly Device[];
  readonly withheld: readonly Withheld[];
};

/** Who gets an event, as far as is known. */
export const eventAudience = async (
  tables: TableReader,
  context: EngineContext,
  { members }: { readonly members: readonly string[] },
): Promise<EventAudience> => {
  const { identity } = context;
  const userIds = new Set([...members, identity.userId]);
  const blocked: string[] = [];
  const devices: Device[] = [];
  const withheld: Withheld[] = [];
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  for (const userId of userIds) {
    const user = tables.get('users', { userId });
    if (trust.blocksSending(user)) blocked.push(userId);
    for (const device of tables.all('devices', { where: { userId, deleted: false } })) {
      const { deviceId, address } = device;
      if (address === identity.address) continue;
      if (deviceDirectory.isEligibleOf(user, device)) devices.push(device);
      else withheld.push({ userId, deviceId, reason: doubtOf(device) });
    }
    await pause();
  }
  return { userIds, blocked, devices, withheld };
};
