import type { JsonObject } from '@candor/federation';
import { type BodyOf, clientServer, isServerName, limits, MatrixError } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { Context } from '../context.ts';
import { type PublicRooms, publicRooms } from '../rooms/public-rooms.ts';
import { askPeer } from '../rooms/remote/ask-peer.ts';
import { tryServers } from '../rooms/remote/try-servers.ts';

type Query = BodyOf<typeof clientServer.queryPublicRooms>;

const roomValidator = Compile(clientServer.getPublicRooms.response.properties.chunk.items);

/** Passes on what the list knows of, and no limit beyond its own: other members and larger numbers may not be signable. */
const questionOf = (query: Query): JsonObject => {
  const { limit = limits.publicRoomsPageMax, since, filter } = query;
  const { include_all_networks, third_party_instance_id } = query;
  const question = {
    limit: Math.min(limit, limits.publicRoomsPageMax),
    since,
    filter: filter && {
      generic_search_term: filter.generic_search_term,
      room_types: filter.room_types,
    },
    include_all_networks,
    third_party_instance_id,
  };
  // Without what is undefined.
  return JSON.parse(JSON.stringify(question));
};

const askServer = async (
  context: Pick<Context, 'federation'>,
  serverName: string,
  query: Query,
): Promise<PublicRooms> => {
  const answer = await tryServers([serverName], (server) =>
    askPeer(context, {
      server,
      method: 'POST',
      path: ['v1', 'publicRooms'],
      content: questionOf(query),
      timeoutMs: limits.directoryTimeoutMs,
      maxBytes: limits.directoryAnswerBytesMax,
    }),
  );
  const { chunk, next_batch: next, prev_batch: previous } = answer;
  // A room that is described wrongly is left out; the others are not.
  const rooms = (Array.isArray(chunk) ? chunk : []).filter((room) => roomValidator.Check(room));
  const estimate = Number(answer['total_room_count_estimate']);
  return {
    chunk: rooms.slice(0, limits.publicRoomsPageMax),
    ...(typeof next === 'string' && { next_batch: next }),
    ...(typeof previous === 'string' && { prev_batch: previous }),
    total_room_count_estimate: Number.isSafeInteger(estimate)
      ? Math.max(0, estimate)
      : rooms.length,
  };
};

/** A page of the public room list of this server or another one. Throws M_INVALID_PARAM, and why the other did not answer. */
export const findPublicRooms = async (
  context: Pick<Context, 'config' | 'db' | 'federation'>,
  serverName: string | undefined,
  query: Query,
): Promise<PublicRooms> => {
  if (serverName !== undefined && !isServerName(serverName)) {
    throw new MatrixError('M_INVALID_PARAM', 'server: not a server name');
  }
  if (serverName !== undefined && serverName !== context.config.serverName) {
    return askServer(context, serverName, query);
  }
  return publicRooms(context.db, {
    limit: query.limit,
    since: query.since,
    searchTerm: query.filter?.generic_search_term,
    roomTypes: query.filter?.room_types,
  });
};
