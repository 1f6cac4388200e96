import { type federation, MatrixError, type ResponseOf } from '@candor/spec';
import { roomForServer } from '../../../peers/room-for-server.ts';
import { type DescribedRoom, describeRoom } from '../../../rooms/describe-room.ts';
import { mayPreview } from '../../../rooms/may-preview.ts';
import type { Handler } from '../../handler.ts';

type Answer = ResponseOf<typeof federation.getSpaceHierarchy>;

const shown = ({ summary, children }: DescribedRoom): Answer['room'] => ({
  ...summary,
  children_state: children.map(({ state }) => state),
});

export const getSpaceHierarchy: Handler<typeof federation.getSpaceHierarchy> = async (
  context,
  { params, query, origin },
) => {
  const visitor = { serverName: origin };
  const space = await roomForServer(context, origin, params.roomId);
  const described =
    (await mayPreview(context, space, visitor)) && (await describeRoom(context, space));
  if (!described) throw new MatrixError('M_NOT_FOUND', 'there is no such room');
  const children: Answer['room'][] = [];
  const closed: string[] = [];
  for (const { roomId, isSuggested } of described.children) {
    const room = await context.rooms.get(roomId);
    if (!room?.isResident || (query.suggested_only && !isSuggested)) continue;
    const isOpen = await mayPreview(context, room, visitor);
    const child = isOpen ? await describeRoom(context, room) : undefined;
    if (child) children.push(shown(child));
    else closed.push(roomId);
  }
  return { room: shown(described), children, inaccessible_children: closed };
};
