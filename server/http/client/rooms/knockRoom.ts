import type { clientServer } from '@candor/spec';
import { knockRoom as knock } from '../../../rooms/knock-room.ts';
import type { Handler } from '../../handler.ts';
import { readEntry } from './read-entry.ts';

export const knockRoom: Handler<typeof clientServer.knockRoom> = async (context, request) => {
  const entry = await readEntry(context, request);
  await knock(context, entry);
  return { room_id: entry.roomId };
};
