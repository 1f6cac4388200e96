import type { IncomingMessage } from 'node:http';
import type { Json } from '@candor/federation';
import { verifyRequest } from '@candor/federation/transport';
import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { ReceivedBody } from './read-body.ts';

/** The server that signed the request. Throws M_UNAUTHORIZED when none did, or for another destination. */
// https://spec.matrix.org/v1.19/server-server-api/#request-authentication
export const authenticateServer = async (
  { config, federation, now }: Context,
  incoming: IncomingMessage,
  { value: content, text: contentText }: ReceivedBody,
): Promise<string> => {
  const verdict = await verifyRequest(
    {
      method: incoming.method ?? '',
      uri: incoming.url ?? '',
      authorization: incoming.headersDistinct['authorization'] ?? [],
      ...(content !== undefined && { content: content as Json }),
      ...(contentText !== undefined && { contentText }),
    },
    {
      serverName: config.serverName,
      keyRing: federation.keyRing,
      isAllowed: federation.isAllowed,
      now,
    },
  );
  if (!verdict.allowed) throw new MatrixError('M_UNAUTHORIZED', verdict.reason);
  federation.sender.contactFrom(verdict.origin);
  return verdict.origin;
};
