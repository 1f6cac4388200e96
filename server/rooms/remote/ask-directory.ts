import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { type AskingContext, askPeer } from './ask-peer.ts';

/** Asks a server what room is behind one of its aliases; the answer's members are unchecked. Throws `PeerError`. */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory
export const askDirectory = (
  context: AskingContext,
  server: string,
  alias: string,
): Promise<JsonObject> =>
  askPeer(context, {
    server,
    method: 'GET',
    path: ['v1', 'query', 'directory'],
    query: { room_alias: alias },
    timeoutMs: limits.directoryTimeoutMs,
    maxBytes: limits.directoryAnswerBytesMax,
  });
