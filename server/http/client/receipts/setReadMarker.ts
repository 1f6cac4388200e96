import type { clientServer } from '@candor/spec';
import { moveReceipt } from '../../../rooms/move-receipt.ts';
import type { Handler } from '../../handler.ts';
import { writeFullyRead } from './write-fully-read.ts';

export const setReadMarker: Handler<typeof clientServer.setReadMarker> = async (
  context,
  { params: { roomId }, body, caller: { userId } },
) => {
  for (const type of ['m.read', 'm.read.private'] as const) {
    const eventId = body[type];
    if (eventId !== undefined) await moveReceipt(context, { userId, roomId, type, eventId });
  }
  const fullyRead = body['m.fully_read'];
  if (fullyRead !== undefined) await writeFullyRead(context, userId, roomId, fullyRead);
  return {};
};
