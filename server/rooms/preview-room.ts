import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { type DescribedRoom, describeRoom } from './describe-room.ts';
import { isOpenJoinRule, mayPreview } from './may-preview.ts';
import { describeRemote } from './remote/describe-remote.ts';
import type { RoomSummary } from './room-summary.ts';

export type PreviewContext = Pick<Context, 'config' | 'db' | 'rooms' | 'federation' | 'log'>;

/** Whether a user may be told of a room by what another server has said of it. */
export const mayPreviewRemote = async (
  { rooms }: Pick<Context, 'rooms'>,
  summary: RoomSummary,
  userId: string,
): Promise<boolean> => {
  if (summary.world_readable || isOpenJoinRule(summary.join_rule ?? 'public')) return true;
  for (const roomId of summary.allowed_room_ids ?? []) {
    const allowing = await rooms.get(roomId);
    if (allowing?.isResident && allowing.joined.has(userId)) return true;
  }
  return false;
};

const previewRemote = async (
  context: PreviewContext,
  roomId: string,
  via: readonly string[],
  userId: string | undefined,
): Promise<DescribedRoom | undefined> => {
  // Nobody else can make this server send requests.
  if (userId === undefined) return undefined;
  const described = (await describeRemote(context, roomId, via))?.room;
  const mayRead = described && (await mayPreviewRemote(context, described.summary, userId));
  return mayRead ? described : undefined;
};

/**
 * What a room is, for somebody who may come in or look in; one of other servers by what these say, when a user of ours
 * asks. Throws M_NOT_FOUND, also for rooms the user may not be told of.
 */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
export const previewRoom = async (
  context: PreviewContext,
  roomId: string,
  via: readonly string[],
  userId: string | undefined,
): Promise<DescribedRoom> => {
  const room = await context.rooms.get(roomId);
  const visitor = userId === undefined ? undefined : { userId };
  const described = room?.isResident
    ? (await mayPreview(context, room, visitor)) && (await describeRoom(context, room))
    : await previewRemote(context, roomId, via, userId);
  if (described) return described;
  throw new MatrixError('M_NOT_FOUND', 'there is no such room, or none to be told of');
};
