import { isObject } from '@candor/federation';
import { limits, MatrixError, serverNameOf } from '@candor/spec';
import type { Context } from '../context.ts';

/** Says, or no longer says, that a user of ours is writing, here and to the other servers. `forMs` of 0 ends it. Throws M_FORBIDDEN. */
// https://spec.matrix.org/v1.19/client-server-api/#typing-notifications
export const setTyping = async (
  { config, rooms, federation }: Context,
  userId: string,
  roomId: string,
  forMs: number,
): Promise<void> => {
  const room = await rooms.get(roomId);
  if (!room?.joined.has(userId)) {
    throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  }
  const isNews = rooms.typing.set(
    roomId,
    userId,
    Math.min(forMs, limits.typingTimeoutMsMax),
    room.localUsers,
  );
  if (!isNews && forMs === 0) return;
  // Other servers let it run out too, so they hear of it as often as we do.
  const content = { room_id: roomId, user_id: userId, typing: forMs > 0 };
  for (const server of room.servers.keys()) {
    if (server === config.serverName) continue;
    federation.sender.ephemeral(server, { edu_type: 'm.typing', content });
  }
};

/** Takes in an `m.typing` of another server, which speaks for its own users in rooms they are in. */
// https://spec.matrix.org/v1.19/server-server-api/#typing-notifications
export const receiveTyping = async (
  { rooms }: Context,
  origin: string,
  content: unknown,
): Promise<void> => {
  if (!isObject(content)) return;
  const { room_id: roomId, user_id: userId, typing } = content;
  if (typeof roomId !== 'string' || typeof userId !== 'string') return;
  const room = serverNameOf(userId) === origin ? await rooms.get(roomId) : undefined;
  if (!room?.isResident || !room.joined.has(userId)) return;
  rooms.typing.set(roomId, userId, typing === true ? limits.remoteTypingMs : 0, room.localUsers);
};
