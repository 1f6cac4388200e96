import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureContextOptions, Server as TlsServer } from 'node:tls';
import { limits } from '@candor/spec';

export type TlsKeys = { readonly cert: string | Buffer; readonly key: string | Buffer };

export type ListenOptions = {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: TlsKeys | undefined;
  readonly app: RequestListener;
  readonly upgrade?: Upgrade;
  /** How long a client may take; `limits` unless a test is in a hurry. */
  readonly patience?: Patience;
};

export type Patience = {
  /** For the TLS handshake, and for the headers of a request. */
  readonly headersMs: number;
  /** For a request with its body. */
  readonly requestMs: number;
};

export type Upgrade = {
  /** Whether a request may become a WebSocket; others that offer an upgrade are answered without it. */
  readonly isWanted: (request: IncomingMessage) => boolean;
  /** Takes connections that become WebSockets, and closes them itself when the server drains. */
  readonly accept: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
};

export type Listener = {
  readonly server: Server;
  readonly port: number;
  /** Shows another certificate from now on; nothing on a listener without TLS. */
  show(tls: TlsKeys): void;
  /** Takes no more connections, lets open requests finish, and ends after `limits.drainMsMax` at the latest. */
  drain(): Promise<void>;
};

// TLS 1.3 has only suites like these; 1.2 is cut down to them.
const forwardSecretSuites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

const defaultPatience: Patience = {
  headersMs: limits.headersTimeoutMs,
  requestMs: limits.requestTimeoutMs,
};

const httpOptions = ({ headersMs, requestMs }: Patience): ServerOptions => ({
  maxHeaderSize: limits.headersBytesMax,
  headersTimeout: headersMs,
  requestTimeout: requestMs,
  keepAliveTimeout: limits.keepAliveMs,
  connectionsCheckingInterval: headersMs / 2,
});

/** Given whole for each later certificate too: what is left out goes back to what Node takes by itself. */
const secureOptions = ({ cert, key }: TlsKeys): SecureContextOptions => ({
  cert,
  key,
  minVersion: 'TLSv1.2',
  ciphers: forwardSecretSuites,
});

const create = ({ tls, app, upgrade, patience = defaultPatience }: ListenOptions): Server => {
  const options = {
    ...httpOptions(patience),
    ...(upgrade && { shouldUpgradeCallback: upgrade.isWanted }),
  };
  if (!tls) return createServer(options, app);
  return createTlsServer(
    {
      ...options,
      ...secureOptions(tls),
      handshakeTimeout: patience.headersMs,
    },
    app,
  );
};

/**
 * Closes connections once they have nothing to answer. Node's own `closeIdleConnections` leaves those alone
 * that have not sent a request yet.
 */
const drainer = (server: Server, { tls, upgrade }: ListenOptions): (() => Promise<void>) => {
  const all = new Set<Socket>();
  const idle = new Set<Socket>();
  let isDraining = false;
  server.on('connection', (socket: Socket) => {
    all.add(socket);
    socket.once('close', () => all.delete(socket));
  });
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    idle.add(socket);
    socket.once('close', () => idle.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    response.once('close', () => {
      if (isDraining) socket.end();
      else if (!socket.destroyed) idle.add(socket);
    });
  });
  if (upgrade) {
    server.on('upgrade', (request, socket, head) => {
      idle.delete(request.socket);
      upgrade.accept(request, socket, head);
    });
  }
  return () =>
    new Promise((resolve) => {
      isDraining = true;
      const deadline = setTimeout(() => {
        for (const socket of all) socket.destroy();
      }, limits.drainMsMax);
      server.close(() => {
        clearTimeout(deadline);
        resolve();
      });
      for (const socket of idle) socket.destroy();
    });
};

/** Opens a port for HTTP, or with `tls` for HTTPS. Rejects when the address cannot be had. */
export const openListener = async (options: ListenOptions): Promise<Listener> => {
  const server = create(options);
  const drain = drainer(server, options);
  server.maxHeadersCount = limits.headersCountMax;
  server.maxConnections = limits.connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const show = (tls: TlsKeys) => {
    if (server instanceof TlsServer) server.setSecureContext(secureOptions(tls));
  };
  return { server, port, show, drain };
};
