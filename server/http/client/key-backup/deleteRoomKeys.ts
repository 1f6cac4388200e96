import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { deleteKeys } from './delete-keys.ts';

export const deleteRoomKeys: Handler<typeof clientServer.deleteRoomKeys> = (
  context,
  { query, caller },
) => deleteKeys(context, caller.userId, query.version, {});
