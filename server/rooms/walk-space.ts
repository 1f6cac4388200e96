import { limits, MatrixError } from '@candor/spec';
import { type DescribedRoom, describeRoom } from './describe-room.ts';
import { mayPreview } from './may-preview.ts';
import { mayPreviewRemote, type PreviewContext } from './preview-room.ts';
import { describeRemote, type RemoteSpace } from './remote/describe-remote.ts';

export type SpaceRequest = {
  readonly roomId: string;
  readonly userId: string;
  readonly suggestedOnly: boolean;
  readonly maxDepth: number | undefined;
  readonly limit: number | undefined;
  readonly from: string | undefined;
};

export type SpacePage = { readonly rooms: readonly DescribedRoom[]; readonly nextBatch?: string };

/** A room on the way; `above` is what another server said of the space it is in. */
type Stop = {
  readonly roomId: string;
  readonly via: readonly string[];
  readonly depth: number;
  readonly above?: RemoteSpace | undefined;
};

type Visited = { readonly described: DescribedRoom; readonly remote?: RemoteSpace | undefined };

/** How far the walk has come, and with which wishes: they must stay the same. */
const tokenOf = (count: number, suggestedOnly: boolean, depth: number): string =>
  `h${count}_${suggestedOnly ? 1 : 0}_${depth}`;

const readToken = (token: string | undefined, suggestedOnly: boolean, depth: number): number => {
  if (token === undefined) return 0;
  const count = Number(/^h(\d{1,6})_/.exec(token)?.[1] ?? -1);
  if (count >= 0 && token === tokenOf(count, suggestedOnly, depth)) return count;
  throw new MatrixError('M_INVALID_PARAM', 'from: not a token of this question');
};

const visit = async (
  context: PreviewContext,
  { roomId, via, above }: Stop,
  { userId, mayAsk }: { readonly userId: string; readonly mayAsk: () => boolean },
): Promise<Visited | undefined> => {
  const room = await context.rooms.get(roomId);
  if (room?.isResident) {
    if (!(await mayPreview(context, room, { userId }))) return undefined;
    const described = await describeRoom(context, room);
    return described && { described };
  }
  if (above?.closed.has(roomId)) return undefined;
  const told = above?.children.get(roomId);
  const isSpace = !told || told.summary.room_type === 'm.space';
  const remote = isSpace && mayAsk() ? await describeRemote(context, roomId, via) : undefined;
  const described = remote?.room ?? told;
  const mayRead = described && (await mayPreviewRemote(context, described.summary, userId));
  return mayRead ? { described, remote } : undefined;
};

/** The rooms of a space, each followed by those in it, as far as the user may be told. Throws M_FORBIDDEN, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
export const walkSpace = async (
  context: PreviewContext,
  { roomId, userId, suggestedOnly, maxDepth, limit, from }: SpaceRequest,
): Promise<SpacePage> => {
  const depthMax = Math.min(maxDepth ?? limits.spaceDepthMax, limits.spaceDepthMax);
  const start = readToken(from, suggestedOnly, depthMax);
  const end = start + Math.min(Math.max(limit ?? limits.spacePageMax, 1), limits.spacePageMax);
  const stack: Stop[] = [{ roomId, via: [], depth: 0 }];
  const seen = new Set<string>();
  const rooms: DescribedRoom[] = [];
  let asked = 0;
  const mayAsk = () => {
    asked += 1;
    return asked <= limits.spaceRequestsMax;
  };
  for (let stop = stack.pop(); stop; stop = stack.pop()) {
    if (seen.has(stop.roomId) || seen.size >= limits.spaceRoomsMax) continue;
    seen.add(stop.roomId);
    const visited = await visit(context, stop, { userId, mayAsk });
    if (!visited && stop.depth === 0) {
      throw new MatrixError('M_FORBIDDEN', 'the user may not see this room');
    }
    if (!visited) continue;
    if (rooms.length === end) {
      return {
        rooms: rooms.slice(start),
        nextBatch: tokenOf(rooms.length, suggestedOnly, depthMax),
      };
    }
    const { summary, children } = visited.described;
    const wanted = children.filter((child) => child.isSuggested || !suggestedOnly);
    rooms.push({ summary, children: wanted });
    const { depth } = stop;
    if (depth >= depthMax) continue;
    const below = wanted.map(
      (child): Stop => ({ ...child, depth: depth + 1, above: visited.remote }),
    );
    stack.push(...below.reverse());
  }
  return { rooms: rooms.slice(start) };
};
