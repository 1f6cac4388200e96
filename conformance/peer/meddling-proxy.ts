import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendRequest } from '../send-request.ts';

type Json = Record<string, unknown>;

/** A homeserver as a client sees it through somebody who changes what it says. */
export type MeddlingProxy = {
  readonly url: string;
  /** Changes the body of the next syncs; none of them waits while it is set. */
  meddle: ((body: Json) => Json) | undefined;
  readonly close: () => Promise<void>;
};

const readBody = async (request: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const withoutSocket = (versions: Json): Json => ({
  ...versions,
  unstable_features: { ...(versions['unstable_features'] as Json), 'dev.candor.ws': false },
});

/** Stands between a client and its homeserver at `target`. It hides the WebSocket, so that every sync passes here. */
export const startMeddlingProxy = async (target: string): Promise<MeddlingProxy> => {
  let meddle: MeddlingProxy['meddle'];
  const change = (path: string, json: unknown): unknown => {
    if (path.startsWith('/_matrix/client/versions')) return withoutSocket(json as Json);
    return meddle && path.startsWith('/_matrix/client/v3/sync') ? meddle(json as Json) : json;
  };
  const server = createServer(async (request, response) => {
    const { method = 'GET', url: path = '', headers } = request;
    const { authorization, 'content-type': type } = headers;
    const bytes = await readBody(request);
    try {
      const answer = await sendRequest(target + path, {
        method,
        headers: { ...(authorization && { authorization }), ...(type && { 'content-type': type }) },
        ...(bytes.length > 0 && { body: bytes }),
      });
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(
        answer.status === 200 && answer.json !== undefined
          ? JSON.stringify(change(path, answer.json))
          : answer.bytes,
      );
    } catch {
      request.socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get meddle() {
      return meddle;
    },
    set meddle(next) {
      meddle = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
