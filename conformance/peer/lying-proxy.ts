import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendRequest } from '../send-request.ts';

export type Question = { readonly method: string; readonly path: string; readonly body: unknown };

/** What a lie makes of an answer; undefined leaves it as it is. */
export type Lie = (
  question: Question,
  answer: { readonly status: number; readonly json: unknown },
) => { readonly status: number; readonly json: unknown } | undefined;

/** A homeserver's client-server API with answers that may be untrue, for a client to be tested against. */
export type LyingProxy = {
  readonly url: string;
  /** Everything a client asked. */
  readonly asked: readonly Question[];
  /** Undefined passes on the truth. */
  lie: Lie | undefined;
  close(): Promise<void>;
};

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
};

/** Stands between a client and the homeserver at `target`; clients poll, since WebSockets do not pass. */
export const startLyingProxy = async (target: string): Promise<LyingProxy> => {
  const asked: Question[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/', headers } = request;
    const question = { method, path, body: parse(body) };
    asked.push(question);
    const { authorization, 'content-type': contentType } = headers;
    const answer = await sendRequest(target + path, {
      method,
      ...(body.length > 0 && { body }),
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(contentType !== undefined && { 'content-type': contentType }),
      },
    }).catch(() => undefined);
    if (!answer) return response.destroy();
    const untrue = proxy.lie?.(question, answer);
    response.writeHead(untrue?.status ?? answer.status, {
      'content-type': answer.headers['content-type'] ?? '',
    });
    return response.end(untrue ? JSON.stringify(untrue.json) : answer.bytes);
  });
  server.on('upgrade', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: LyingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    lie: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
};
