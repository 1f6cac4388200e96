import { clientServer, limits, federation as operations } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { Context } from '../../context.ts';
import type { DescribedRoom } from '../describe-room.ts';
import type { RoomSummary } from '../room-summary.ts';
import { type DatedState, readSpaceChild } from '../space-children.ts';
import { askPeer } from './ask-peer.ts';
import { serversToTry, tryServers } from './try-servers.ts';

/** What another server says of a room, and of the rooms one step below. */
export type RemoteSpace = {
  readonly room: DescribedRoom;
  readonly children: ReadonlyMap<string, DescribedRoom>;
  /** Rooms that are closed to this server's users. */
  readonly closed: ReadonlySet<string>;
};

const summaryValidator = Compile(operations.getSpaceHierarchy.response.properties.children.items);
const stateValidator = Compile(
  clientServer.getSpaceHierarchy.response.properties.rooms.items.properties.children_state.items,
);

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** One bad entry does not spoil the others. */
const readDescribed = (room: unknown): DescribedRoom | undefined => {
  if (!summaryValidator.Check(room)) return undefined;
  const { children_state: states, ...summary } = room as RoomSummary & {
    readonly children_state?: unknown;
  };
  const children = listIn(states)
    .filter((state) => stateValidator.Check(state))
    .flatMap((state) => readSpaceChild(state as DatedState) ?? [])
    .slice(0, limits.spaceChildrenMax);
  return { summary, children };
};

const ask = async (
  context: Pick<Context, 'config' | 'federation'>,
  roomId: string,
  via: readonly string[],
): Promise<RemoteSpace | undefined> => {
  const answer = await tryServers(serversToTry(context, roomId, via), (server) =>
    askPeer(context, {
      server,
      method: 'GET',
      path: ['v1', 'hierarchy', roomId],
      query: { suggested_only: 'false' },
      timeoutMs: limits.directoryTimeoutMs,
      maxBytes: limits.directoryAnswerBytesMax,
    }),
  );
  const room = readDescribed(answer['room']);
  if (room?.summary.room_id !== roomId) return undefined;
  const children = listIn(answer['children']).flatMap((child) => readDescribed(child) ?? []);
  const closed = listIn(answer['inaccessible_children']);
  return {
    room,
    children: new Map(children.map((child) => [child.summary.room_id, child])),
    closed: new Set(closed.filter((id) => typeof id === 'string')),
  };
};

/** What one of the servers says of a room, remembered for a while; undefined when none says anything. */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid
export const describeRemote = async (
  context: Pick<Context, 'config' | 'federation' | 'rooms' | 'log'>,
  roomId: string,
  via: readonly string[],
): Promise<RemoteSpace | undefined> => {
  const { remoteSpaces } = context.rooms;
  // What one server says must not be taken for what others would have said.
  const key = JSON.stringify([roomId, ...via]);
  const known = remoteSpaces.get(key);
  if (known) return known;
  const space = await ask(context, roomId, via).catch((err: unknown) => {
    context.log.debug({ err, roomId }, 'no server described a room');
    return undefined;
  });
  if (space) remoteSpaces.set(key, space);
  return space;
};
