import { isObject, type JsonObject } from '@candor/federation';
import type { Context } from '../context.ts';
import { isServerAllowed } from '../rooms/server-acl.ts';
import { isPassingTrouble } from '../storage/passing-trouble.ts';

/** What takes in the EDUs of one type; it checks the content and whose it is by itself. */
export type EduReceiver = (context: Context, origin: string, content: unknown) => Promise<void>;

const isLetIn = async ({ rooms }: Context, origin: string, roomId: unknown): Promise<boolean> => {
  const room = typeof roomId === 'string' ? await rooms.get(roomId) : undefined;
  return room?.isResident === true && isServerAllowed(room, origin);
};

/** What is left of an EDU once the rooms that its server is kept out of are taken from it. */
// https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls
const withoutClosedRooms = async (
  context: Context,
  origin: string,
  type: string,
  content: JsonObject,
): Promise<JsonObject | undefined> => {
  if (type === 'm.typing') {
    return (await isLetIn(context, origin, content['room_id'])) ? content : undefined;
  }
  if (type !== 'm.receipt') return content;
  const open: [string, JsonObject[string]][] = [];
  for (const [roomId, receipts] of Object.entries(content)) {
    if (await isLetIn(context, origin, roomId)) open.push([roomId, receipts]);
  }
  return Object.fromEntries(open);
};

/** Hands an EDU to who is there for its type. Nothing that is wrong with it is anybody else's trouble. */
// https://spec.matrix.org/v1.19/server-server-api/#edus
export const receiveEdu = async (
  context: Context,
  origin: string,
  edu: unknown,
  receivers: ReadonlyMap<string, EduReceiver>,
): Promise<void> => {
  if (!isObject(edu) || !isObject(edu['content'])) return;
  const { edu_type: type, content } = edu;
  const receive = typeof type === 'string' ? receivers.get(type) : undefined;
  if (!receive || typeof type !== 'string' || !isObject(content)) return;
  try {
    const open = await withoutClosedRooms(context, origin, type, content);
    if (open) await receive(context, origin, open);
  } catch (err) {
    // The whole transaction then fails and comes again, and no message is lost.
    if (isPassingTrouble(err)) throw err;
    context.log.warn({ err, origin, type }, 'an EDU could not be taken');
  }
};
