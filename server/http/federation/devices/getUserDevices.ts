import { type federation, MatrixError } from '@candor/spec';
import { readKeysForServer } from '../../../devices/query-keys.ts';
import { readDeviceListStreamId } from '../../../storage/device-lists.ts';
import { readExistingAccounts } from '../../../storage/existing-accounts.ts';
import type { Handler } from '../../handler.ts';

export const getUserDevices: Handler<typeof federation.getUserDevices> = async (
  { db },
  { origin, params },
) => {
  const existing = await readExistingAccounts(db, [params.userId]);
  if (existing.length === 0) throw new MatrixError('M_NOT_FOUND', 'There is no such user here');
  // The number first: an update that comes between is then applied to what includes it, not missed.
  const stream_id = await readDeviceListStreamId(db, params.userId);
  const keys = (await readKeysForServer(db, origin, existing)).get(params.userId);
  const master_key = keys?.crossSigning.get('master');
  const self_signing_key = keys?.crossSigning.get('self_signing');
  return {
    user_id: params.userId,
    stream_id,
    devices: [...(keys?.devices ?? [])].map(([device_id, device]) => ({
      device_id,
      keys: device.keys,
      ...(device.displayName !== undefined && { device_display_name: device.displayName }),
    })),
    ...(master_key && { master_key }),
    ...(self_signing_key && { self_signing_key }),
  };
};
