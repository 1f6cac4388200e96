import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { limits, MatrixError } from '@candor/spec';
import { Compile } from 'typebox/compile';
import { OperatorError } from '../config/operator-error.ts';
import type { Context } from '../context.ts';
import { socketDirectory } from '../storage/socket-directory.ts';
import { type AdminRequest, adminRequest } from './admin-request.ts';
import { type AdminAnswer, administer } from './administer.ts';

/** One line of JSON for one request, which ends with the caller's half of the connection. */
export type ControlAnswer = { readonly answer: AdminAnswer } | { readonly error: string };

/** Where a running server takes the requests of `candor admin`. */
export const controlSocketPath = async (dataDir: string): Promise<string> =>
  join(await socketDirectory(dataDir, undefined), 'control');

const validator = Compile(adminRequest);

const parseRequest = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

/** What the operator is told of a request. */
export const answerAdmin = async (
  context: Context,
  request: AdminRequest,
): Promise<ControlAnswer> => {
  try {
    return { answer: await administer(context, request) };
  } catch (error) {
    if (error instanceof OperatorError || error instanceof MatrixError)
      return { error: error.message };
    context.log.error({ err: error }, 'a request of candor admin failed');
    return { error: 'the server failed; its log says why' };
  }
};

const serve = async (context: Context, socket: Socket): Promise<void> => {
  socket.on('error', () => undefined);
  socket.setTimeout(limits.controlRequestMs, () => socket.destroy());
  const line = await text(socket).catch(() => undefined);
  if (line === undefined) return;
  socket.setTimeout(0);
  const request = parseRequest(line);
  const answer: ControlAnswer = validator.Check(request)
    ? await answerAdmin(context, request)
    : { error: 'this server does not know the request' };
  socket.end(JSON.stringify(answer));
};

/** Listens for `candor admin` on a Unix socket that only the server's own user reaches; the answer closes it. */
export const openControlSocket = async (context: Context): Promise<() => Promise<void>> => {
  const path = await controlSocketPath(context.config.dataDir);
  // The data directory is ours, so what lies there is of a server that is gone.
  await rm(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void serve(context, socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
};
