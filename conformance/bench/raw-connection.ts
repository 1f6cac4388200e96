import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export type RawAnswer = { readonly status: number; readonly body: Buffer };

/** One keep-alive HTTP/1.1 connection with one request at a time: the load generator shares its cores with the server. */
export type RawConnection = {
  /** `body` is JSON text in ASCII. */
  request(method: string, path: string, token: string, body?: string): Promise<RawAnswer>;
  close(): void;
};

type Waiting = { resolve: (answer: RawAnswer) => void; reject: (error: Error) => void };

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** The body of a chunked answer, or undefined while a part of it is missing. */
const readChunks = (bytes: Buffer, from: number): Buffer | undefined => {
  const chunks: Buffer[] = [];
  for (let at = from; ; ) {
    const end = bytes.indexOf(lineEnd, at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    at = end + 2 + size + 2;
    if (at > bytes.length) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
  }
};

/** The answer in `bytes`, or undefined while a part of it is missing. */
const readAnswer = (bytes: Buffer): RawAnswer | undefined => {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const status = Number(head.slice(9, 12));
  const from = end + headEnd.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) {
    const body = readChunks(bytes, from);
    return body && { status, body };
  }
  const to = from + Number(length);
  return bytes.length < to ? undefined : { status, body: bytes.subarray(from, to) };
};

const openSocket = (url: URL, ca: string | undefined): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:';
    const port = Number(url.port || (isTls ? 443 : 80));
    const socket = isTls
      ? connectTls({ host: url.hostname, port, servername: url.hostname, ca })
      : connectTcp({ host: url.hostname, port });
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });

/** Opens a connection to the homeserver at `base`. */
export const openRawConnection = async (base: string, ca?: string): Promise<RawConnection> => {
  const url = new URL(base);
  const socket = await openSocket(url, ca);
  let received: Buffer = Buffer.alloc(0);
  let waiting: Waiting | undefined;
  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = readAnswer(received);
    if (!answer) return;
    received = Buffer.alloc(0);
    waiting?.resolve(answer);
    waiting = undefined;
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error(`${base} closed the connection`)));
  return {
    request: (method, path, token, body = '') =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error(`${base} closed the connection`));
        waiting = { resolve, reject };
        socket.write(
          `${method} ${path} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${token}\r\n` +
            `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
          'latin1',
        );
      }),
    close: () => socket.destroy(),
  };
};
