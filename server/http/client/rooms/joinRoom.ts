import type { clientServer } from '@candor/spec';
import { joinRoom as join } from '../../../rooms/join-room.ts';
import type { Handler } from '../../handler.ts';
import { readEntry } from './read-entry.ts';

export const joinRoom: Handler<typeof clientServer.joinRoom> = async (context, request) => {
  const entry = await readEntry(context, request);
  await join(context, entry);
  return { room_id: entry.roomId };
};
