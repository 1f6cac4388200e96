import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

export const getTokenOwner: Handler<typeof clientServer.getTokenOwner> = async (
  _context,
  { caller },
) => ({ user_id: caller.userId, device_id: caller.deviceId, is_guest: false });
