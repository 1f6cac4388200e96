import { ackFrame, closeCode, limits, MatrixError, openFrame } from '@candor/spec';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { WebSocket } from 'ws';
import type { Session } from '../accounts/sessions.ts';
import type { Context } from '../context.ts';
import { isDatabaseUnavailable } from '../storage/database-unavailable.ts';
import { readSyncFilter } from '../sync/read-filter.ts';
import type { SyncRequest } from '../sync/sync-scope.ts';
import { readSyncToken, writeSyncToken } from '../sync/sync-token.ts';
import { waitForBody } from '../sync/wait-for-change.ts';
import { ClientFrames } from './client-frames.ts';

const opens = Compile(openFrame);
const acks = Compile(ackFrame);
const isOpen = (value: unknown): value is Static<typeof openFrame> => opens.Check(value);
const isAck = (value: unknown): value is Static<typeof ackFrame> => acks.Check(value);

/** The longest time a timer takes. */
const forEverMs = 2_147_483_647;

const tokenErrors: ReadonlySet<string> = new Set([
  'M_UNKNOWN_TOKEN',
  'M_USER_LOCKED',
  'M_MISSING_TOKEN',
]);

/** A reason has at most 123 bytes. */
const closeFor = (error: unknown): readonly [code: number, reason: string] => {
  if (!(error instanceof MatrixError)) return [1011, 'internal error'];
  const { errcode, message, fields } = error;
  const code = tokenErrors.has(errcode) ? closeCode.badToken : closeCode.badFrame;
  const soft = fields['soft_logout'] === true ? ' soft_logout' : '';
  return [code, Buffer.from(`${errcode}${soft}: ${message}`).toString('latin1').slice(0, 123)];
};

const requestOf = async (
  { db }: Context,
  { userId, deviceId }: Session,
  frame: Static<typeof openFrame>,
): Promise<SyncRequest> => ({
  userId,
  deviceId,
  since: frame.since === undefined ? undefined : readSyncToken(frame.since),
  filter: await readSyncFilter(db, userId, frame.filter),
  fullState: frame.full_state ?? false,
  useStateAfter: frame.use_state_after ?? false,
});

/** Bodies of `/sync` one after the other, each when the one before is acknowledged; ends when the socket does. */
const pushBodies = async (
  context: Context,
  socket: WebSocket,
  first: SyncRequest,
  frames: ClientFrames,
  signal: AbortSignal,
): Promise<void> => {
  let request = first;
  for (;;) {
    const body = await waitForBody(context, request, { timeoutMs: forEverMs, signal });
    if (signal.aborted) return;
    if (!body.isEmpty || request.since === undefined || request.fullState) {
      const acknowledged = frames.next(isAck, 'an ack');
      for (const [index, piece] of body.pieces.entries()) {
        socket.send(piece, { binary: false, fin: index === body.pieces.length - 1 });
      }
      if ((await acknowledged).ack !== writeSyncToken(body.next)) {
        throw new MatrixError('M_BAD_JSON', 'the ack is of something that was not sent');
      }
    }
    request = { ...request, since: body.next, fullState: false };
  }
};

/** Closes sockets whose client has gone without a word. */
const keepAlive = (socket: WebSocket): (() => void) => {
  let isOverdue: NodeJS.Timeout | undefined;
  const pings = setInterval(() => {
    isOverdue ??= setTimeout(() => socket.terminate(), limits.socketPongTimeoutMs);
    socket.ping();
  }, limits.socketPingMs);
  socket.on('pong', () => {
    clearTimeout(isOverdue);
    isOverdue = undefined;
  });
  return () => {
    clearInterval(pings);
    clearTimeout(isOverdue);
  };
};

/** Calls back when the session's token may have ended: something happened to the account or the device, or its time is up. */
const watchToken = (
  { notifier, now }: Context,
  { userId, expiresAt }: Session,
  check: () => void,
): (() => void) => {
  const leftMs = expiresAt === undefined ? forEverMs : Math.max(0, expiresAt - now());
  const expiry = setTimeout(check, Math.min(leftMs, forEverMs));
  const stopListening = notifier.onWake(userId, ({ change }) => {
    if (change.kind === 'sessionEnded' || change.kind === 'accountChanged') check();
  });
  return () => {
    clearTimeout(expiry);
    stopListening();
  };
};

/**
 * Speaks the sync protocol on an open socket until it closes. `authenticate` finds the session again and throws when
 * its token is no longer good.
 */
// The protocol: spec/documents/websocket-sync.md
export const serveSyncSocket = (
  context: Context,
  socket: WebSocket,
  session: Session,
  authenticate: () => Promise<Session>,
): void => {
  const log = context.log.child({ part: 'websocket' });
  const ended = new AbortController();
  const close = (error: unknown) => {
    if (ended.signal.aborted) return;
    if (isDatabaseUnavailable(error)) log.warn({ err: error }, 'database unavailable');
    else if (!(error instanceof MatrixError)) log.error({ err: error }, 'sync socket failed');
    socket.close(...closeFor(error));
    ended.abort();
  };
  const frames = new ClientFrames(socket, close);
  const opening = setTimeout(
    () => close(new MatrixError('M_BAD_JSON', 'no first frame in time')),
    limits.socketOpenTimeoutMs,
  );
  const stopPings = keepAlive(socket);
  const stopWatching = watchToken(context, session, () => authenticate().catch(close));
  socket.on('error', (err) => log.debug({ err }, 'socket broke'));
  socket.once('close', () => {
    clearTimeout(opening);
    stopPings();
    stopWatching();
    ended.abort();
  });
  const serve = async () => {
    const frame = await frames.next(isOpen, 'a first');
    clearTimeout(opening);
    const wanted = frame.set_presence ?? 'online';
    ended.signal.addEventListener('abort', context.sync.presence.connect(session.userId, wanted));
    const request = await requestOf(context, session, frame);
    await pushBodies(context, socket, request, frames, ended.signal);
  };
  serve().catch(close);
};
