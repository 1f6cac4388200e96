import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below those that systems take for outgoing connections: such a port could be gone before its user opens it. */
const [first, last] = [22_000, 31_999];
/** From a port to the UDP port that stands for it; none of these is given out. */
const markOffset = -10_000;

/**
 * Keeps other test processes from the port for as long as this one lives: between the look here and the moment a
 * server listens, and while that server is down, nothing else would. What holds the mark ends with the process.
 */
const isMarked = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const mark = createSocket('udp4');
    mark.once('error', () => resolve(false));
    mark.bind({ port: port + markOffset, address: '127.0.0.1', exclusive: true }, () => {
      mark.unref();
      resolve(true);
    });
  });

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A TCP port of 127.0.0.1 that nobody listens on; given to no other caller, also of another process. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(first, last + 1);
    if ((await isMarked(port)) && (await isFree(port))) return port;
  }
};
