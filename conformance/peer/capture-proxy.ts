import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';

/** One request between two servers with its answer, as it crossed. */
export type CapturedExchange = {
  readonly to: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly status: number;
  readonly answer: Buffer;
};

export type CaptureProxy = {
  readonly close: () => Promise<void>;
};

export type CaptureOptions = {
  /** The server behind it, for the record. */
  readonly serverName: string;
  /** Where the proxy listens, and where the server does, on 127.0.0.1. */
  readonly port: number;
  readonly targetPort: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly ca: string;
  readonly record: (exchange: CapturedExchange) => void;
};

/** The bytes that pass through a stream, as they are kept. */
const keepBytes = (kept: Buffer[]) =>
  async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      kept.push(chunk);
      yield chunk;
    }
  };

const forward = async (
  request: IncomingMessage,
  response: ServerResponse,
  { serverName, targetPort, ca, record }: CaptureOptions,
): Promise<void> => {
  const { method = '', url: path = '', headers } = request;
  const [sent, answered]: [Buffer[], Buffer[]] = [[], []];
  const onward = httpsRequest({
    host: '127.0.0.1',
    port: targetPort,
    servername: 'localhost',
    ca,
    method,
    path,
    headers,
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    onward.on('response', resolve);
    onward.on('error', reject);
  });
  await pipeline(request, keepBytes(sent), onward);
  const from = await answer;
  response.writeHead(from.statusCode ?? 502, from.headers);
  await pipeline(from, keepBytes(answered), response);
  record({
    to: serverName,
    method,
    path,
    headers,
    body: Buffer.concat(sent),
    status: from.statusCode ?? 0,
    answer: Buffer.concat(answered),
  });
};

/**
 * Stands where other servers look for one of ours: it ends their TLS with a certificate of the same authority,
 * notes every request and answer, and passes them on over TLS unchanged.
 */
export const startCaptureProxy = async (options: CaptureOptions): Promise<CaptureProxy> => {
  const server = createServer(options.tls, (request, response) => {
    forward(request, response, options).catch(() => {
      // The server behind is down or broke off: its peers see exactly that.
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
