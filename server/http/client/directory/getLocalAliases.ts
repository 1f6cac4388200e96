import { type clientServer, MatrixError } from '@candor/spec';
import { isWorldReadable } from '../../../rooms/history-visibility.ts';
import { readAliasesOfRoom } from '../../../storage/aliases.ts';
import type { Handler } from '../../handler.ts';

export const getLocalAliases: Handler<typeof clientServer.getLocalAliases> = async (
  { db, rooms },
  { params, caller },
) => {
  const room = await rooms.get(params.roomId);
  const mayRead = room && (room.joined.has(caller.userId) || isWorldReadable(room));
  if (!mayRead) throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  return { aliases: [...(await readAliasesOfRoom(db, params.roomId))] };
};
