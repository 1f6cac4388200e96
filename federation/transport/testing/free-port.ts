import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below those that systems take for outgoing connections: such a port could be gone before its user opens it. */
const [first, last] = [20_000, 32_767];

const given = new Set<number>();

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A TCP port of 127.0.0.1 that nobody listens on; given to nobody else in this process. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(first, last + 1);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
};
