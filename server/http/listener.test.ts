import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { makeAuthority } from '@candor/federation/testing';
import t from 'tap';
import { openListener } from './listener.ts';

// Short, but longer than a busy machine takes for a handshake.
const patience = { headersMs: 1_500, requestMs: 2_500 };
const host = '127.0.0.1';
const tls = makeAuthority().issue(['localhost', host]);
const app = (request: NodeJS.ReadableStream, response: { end(text: string): void }): void => {
  request.resume();
  request.on('end', () => response.end('answered'));
};

/** What came back until the connection ended, in whatever way. */
const hear = (socket: Socket, start: string): Promise<string> =>
  new Promise((resolve) => {
    let heard = '';
    socket.setEncoding('utf8').on('data', (text) => {
      heard += text;
    });
    socket.on('error', () => undefined).on('close', () => resolve(heard));
    if (start !== '') socket.write(start);
  });

/** What came back before the server gave up on somebody who goes on sending a byte now and then. */
const drip = async (socket: Socket, start: string): Promise<string> => {
  const dripping = setInterval(() => socket.write('x'), 20);
  const heard = await hear(socket, start);
  clearInterval(dripping);
  return heard;
};

for (const isTls of [false, true]) {
  const open = () => openListener({ host, port: 0, tls: isTls ? tls : undefined, app, patience });

  t.test(`slow clients are hung up on, ${isTls ? 'with TLS' : 'in clear'}`, async (t) => {
    const listener = await open();
    t.teardown(() => listener.drain());
    const { port } = listener;
    const dial = () =>
      isTls ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port });
    const slow = Promise.all([
      drip(dial(), 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: '),
      drip(dial(), 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n'),
      hear(connect({ host, port }), ''),
    ]);
    const quick = await hear(dial(), 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    t.match(quick, /^HTTP\/1.1 200 .*answered/s, 'others are answered meanwhile');
    const [headers, body, silence] = await slow;
    t.match(headers, /^HTTP\/1.1 408 /, 'slow headers');
    t.match(body, /^HTTP\/1.1 408 /, 'a slow body');
    t.notMatch(silence, /answered/, 'who says nothing');
  });
}
