import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { limits } from '@candor/spec';

export type TlsKeys = { readonly cert: string | Buffer; readonly key: string | Buffer };

export type ListenOptions = {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: TlsKeys | undefined;
  readonly app: RequestListener;
};

export type Listener = {
  readonly server: Server;
  readonly port: number;
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

const httpOptions: ServerOptions = {
  maxHeaderSize: limits.headersBytesMax,
  headersTimeout: limits.headersTimeoutMs,
  requestTimeout: limits.requestTimeoutMs,
  keepAliveTimeout: limits.keepAliveMs,
  connectionsCheckingInterval: limits.headersTimeoutMs / 2,
};

const create = ({ tls, app }: ListenOptions): Server => {
  if (!tls) return createServer(httpOptions, app);
  return createTlsServer(
    { ...httpOptions, ...tls, minVersion: 'TLSv1.2', ciphers: forwardSecretSuites },
    app,
  );
};

const idleSweepMs = 50;

const drain = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
    const end = setTimeout(() => server.closeAllConnections(), limits.drainMsMax);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(end);
      resolve();
    });
  });

/** Opens a port for HTTP, or with `tls` for HTTPS. Rejects when the address cannot be had. */
export const openListener = async (options: ListenOptions): Promise<Listener> => {
  const server = create(options);
  server.maxHeadersCount = limits.headersCountMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, drain: () => drain(server) };
};
