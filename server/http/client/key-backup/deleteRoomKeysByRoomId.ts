import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { deleteKeys } from './delete-keys.ts';

export const deleteRoomKeysByRoomId: Handler<typeof clientServer.deleteRoomKeysByRoomId> = (
  context,
  { params, query, caller },
) => deleteKeys(context, caller.userId, query.version, params);
