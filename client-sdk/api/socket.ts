import { candor, closeCode, limits } from '@candor/spec';
import { WebSocket } from 'ws';

export type SyncSocketOptions = {
  readonly baseUrl: string;
  readonly token: string;
  /** The first frame: the parameters of `/sync`. */
  readonly open: { readonly since?: string; readonly filter?: string; use_state_after?: boolean };
  /** Stores a body and gives the token to acknowledge it by. */
  readonly onBody: (body: unknown) => Promise<string>;
  readonly signal: AbortSignal;
};

/** Why a sync socket ended; `isFinal` when opening another one would end the same way. */
export type SocketEnd = {
  readonly isFinal: boolean;
  /** Whether the server said anything on it. */
  readonly wasHeard: boolean;
  readonly cause: unknown;
};

const urlOf = (baseUrl: string): string =>
  baseUrl.replace(/^http/, 'ws') + candor.candorSyncSocket.path;

/** Syncs over one WebSocket until it ends, for whatever reason; never rejects. */
// The protocol: spec/documents/websocket-sync.md
export const syncOverSocket = (options: SyncSocketOptions): Promise<SocketEnd> =>
  new Promise((resolve) => {
    const { baseUrl, token, open, onBody, signal } = options;
    const socket = new WebSocket(urlOf(baseUrl), {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: limits.clientRequestTimeoutMs,
      maxPayload: limits.clientAnswerBytesMax,
    });
    let failure: Omit<SocketEnd, 'wasHeard'> | undefined;
    let wasHeard = false;
    let hangUp: NodeJS.Timeout | undefined;
    const end = (cause: unknown, isFinal = false): void => {
      failure ??= { cause, isFinal };
      socket.terminate();
    };
    // The server pings every half minute, so a longer silence is a dead connection.
    const silence = setTimeout(
      () => end(new Error('the socket is silent')),
      limits.clientSocketSilenceMsMax,
    );
    const isHeard = () => {
      wasHeard = true;
      silence.refresh();
    };
    const stop = () => {
      failure ??= { cause: signal.reason, isFinal: false };
      socket.close();
      hangUp = setTimeout(() => socket.terminate(), limits.clientSocketCloseMsMax);
    };
    signal.addEventListener('abort', stop);
    socket.on('open', () => socket.send(JSON.stringify(open)));
    socket.on('ping', isHeard);
    socket.on('unexpected-response', (_, { statusCode = 0 }) => {
      const cause = new Error(`the socket was refused with ${statusCode}`);
      end(cause, statusCode >= 400 && statusCode < 500 && statusCode !== 429);
    });
    socket.on('error', end);
    socket.on('message', (data: Buffer) => {
      isHeard();
      // At most one body is unacknowledged, so this is never entered twice at once.
      const take = async () => {
        const ack = await onBody(JSON.parse(data.toString()));
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ ack }));
      };
      take().catch(end);
    });
    socket.on('close', (code) => {
      clearTimeout(silence);
      clearTimeout(hangUp);
      signal.removeEventListener('abort', stop);
      const isFinal = code === closeCode.badFrame;
      const cause = new Error(`the socket was closed with ${code}`);
      resolve({ ...(failure ?? { cause, isFinal }), wasHeard });
    });
  });
