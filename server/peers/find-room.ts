import { isObject } from '@candor/federation';
import {
  isRoomAlias,
  isRoomId,
  isServerName,
  limits,
  MatrixError,
  serverNameOf,
} from '@candor/spec';
import type { Context } from '../context.ts';
import { readAlias } from '../storage/aliases.ts';
import { peerRefusal } from './peer-refusal.ts';

type FindContext = Pick<Context, 'config' | 'db' | 'rooms' | 'federation'>;

export type FoundRoom = {
  readonly roomId: string;
  /** Servers that may know the room. */
  readonly servers: readonly string[];
};

const notFound = () => new MatrixError('M_NOT_FOUND', 'there is no such alias');

/** The room behind an alias of this server. Throws M_NOT_FOUND. */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory
export const findLocalAlias = async (
  { config, db, rooms }: Pick<Context, 'config' | 'db' | 'rooms'>,
  alias: string,
): Promise<FoundRoom> => {
  const found = await readAlias(db, alias);
  if (!found) throw notFound();
  const room = await rooms.get(found.roomId);
  const others = [...(room?.servers.keys() ?? [])].filter((name) => name !== config.serverName);
  const servers = [config.serverName, ...others].slice(0, limits.aliasServersMax);
  return { roomId: found.roomId, servers };
};

const askServer = async (
  { federation }: FindContext,
  destination: string,
  alias: string,
): Promise<FoundRoom> => {
  const { body } = await federation.client
    .request({
      destination,
      method: 'GET',
      path: '/_matrix/federation/v1/query/directory',
      query: { room_alias: alias },
      timeoutMs: limits.directoryTimeoutMs,
    })
    .catch((error: unknown) => {
      throw peerRefusal(error);
    });
  const { room_id: roomId, servers } = isObject(body) ? body : {};
  if (typeof roomId !== 'string' || !isRoomId(roomId)) throw notFound();
  const named = (Array.isArray(servers) ? servers : []).filter(
    (name): name is string => typeof name === 'string' && isServerName(name),
  );
  return { roomId, servers: named.slice(0, limits.aliasServersMax) };
};

/** The room that a client means by an id or an alias, which its server is asked for. Throws M_NOT_FOUND, M_INVALID_PARAM. */
export const findRoom = async (context: FindContext, roomIdOrAlias: string): Promise<FoundRoom> => {
  if (isRoomId(roomIdOrAlias)) return { roomId: roomIdOrAlias, servers: [] };
  if (!isRoomAlias(roomIdOrAlias)) {
    throw new MatrixError('M_INVALID_PARAM', 'neither a room id nor an alias');
  }
  const serverName = serverNameOf(roomIdOrAlias) ?? '';
  if (serverName === context.config.serverName) return findLocalAlias(context, roomIdOrAlias);
  return askServer(context, serverName, roomIdOrAlias);
};
