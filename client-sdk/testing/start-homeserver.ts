import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export type Asked = {
  readonly url: string;
  /** The `authorization` header. */
  readonly token: string | undefined;
  readonly body: unknown;
};
export type Answer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Written as JSON. */
  readonly body?: unknown;
  /** Written as it is, in place of a body. */
  readonly text?: string;
};

/** A homeserver that answers as the test says, and what it was asked; it ends with the test. */
export const startHomeserver = async (
  t: Test,
  answer: (asked: Asked) => Answer | Promise<Answer>,
) => {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const sent = Buffer.concat(chunks).toString();
    const one = {
      url: request.url ?? '',
      token: request.headers.authorization,
      body: request.headers['content-type'] === 'application/json' ? JSON.parse(sent) : undefined,
    };
    asked.push(one);
    const { status = 200, headers, body = {}, text = JSON.stringify(body) } = await answer(one);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}`, asked, server };
};
