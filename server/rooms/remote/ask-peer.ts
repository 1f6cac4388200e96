import { isObject, type JsonObject } from '@candor/federation';
import { PeerError, type PeerRequest } from '@candor/federation/transport';
import type { RemoteContext } from './remote-context.ts';

export type Question = Pick<
  PeerRequest,
  'method' | 'query' | 'content' | 'timeoutMs' | 'maxBytes'
> & {
  readonly server: string;
  /** Behind `/_matrix/federation`, one entry for each part: `['v1', 'event', eventId]`. */
  readonly path: readonly string[];
  /** Lists of the answer that may be long. */
  readonly lists?: readonly string[];
};

/** What asking takes of the context. */
export type AskingContext = {
  readonly federation: Pick<RemoteContext['federation'], 'client'>;
};

/** Asks another server; the answer is an object, its members unchecked. Throws `PeerError`. */
export const askPeer = async (
  { federation }: AskingContext,
  { server, path, lists, ...question }: Question,
): Promise<JsonObject> => {
  const request = {
    ...question,
    destination: server,
    path: `/_matrix/federation/${path.map(encodeURIComponent).join('/')}`,
  };
  if (lists) return (await federation.client.stream(request)).body.jsonWithLists(lists);
  const { body } = await federation.client.request(request);
  if (isObject(body)) return body;
  throw new PeerError('bad-answer', `${server}: the answer is no object`);
};
