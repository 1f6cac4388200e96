import {
  isRoomAlias,
  isRoomId,
  isServerName,
  limits,
  MatrixError,
  serverNameOf,
} from '@candor/spec';
import type { Context } from '../context.ts';
import { askDirectory } from '../rooms/remote/ask-directory.ts';
import { tryServers } from '../rooms/remote/try-servers.ts';
import { readAlias } from '../storage/aliases.ts';

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
  context: Pick<Context, 'federation'>,
  serverName: string,
  alias: string,
): Promise<FoundRoom> => {
  const { room_id: roomId, servers } = await tryServers([serverName], (server) =>
    askDirectory(context, server, alias),
  );
  if (typeof roomId !== 'string' || !isRoomId(roomId)) throw notFound();
  const named = (Array.isArray(servers) ? servers : []).filter(
    (name): name is string => typeof name === 'string' && isServerName(name),
  );
  return { roomId, servers: named.slice(0, limits.aliasServersMax) };
};

/**
 * The room that is meant by an id or an alias; when a user of ours asks, also by one of another server, which is asked.
 * Throws M_NOT_FOUND, M_INVALID_PARAM, M_MISSING_TOKEN.
 */
export const findRoom = async (
  context: Pick<Context, 'config' | 'db' | 'rooms' | 'federation'>,
  roomIdOrAlias: string,
  { isAnonymous }: { readonly isAnonymous: boolean },
): Promise<FoundRoom> => {
  if (isRoomId(roomIdOrAlias)) return { roomId: roomIdOrAlias, servers: [] };
  if (!isRoomAlias(roomIdOrAlias)) {
    throw new MatrixError('M_INVALID_PARAM', 'neither a room id nor an alias');
  }
  const serverName = serverNameOf(roomIdOrAlias) ?? '';
  if (serverName === context.config.serverName) return findLocalAlias(context, roomIdOrAlias);
  // Nobody else can make this server send requests.
  if (isAnonymous) throw new MatrixError('M_MISSING_TOKEN', 'an access token is needed');
  return askServer(context, serverName, roomIdOrAlias);
};
