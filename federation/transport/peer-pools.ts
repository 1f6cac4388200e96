import { isIP } from 'node:net';
import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import { type buildConnector, Pool } from 'undici';
import { type ConnectorOptions, createConnector } from './address-filter.ts';
import type { DiscoveredServer } from './discover-server.ts';

/** Tries the targets in their order; TLS names and checks the discovered name, not the target's. */
const connectToServer =
  (connect: buildConnector.connector, server: DiscoveredServer): buildConnector.connector =>
  (options, callback) => {
    // For an IP address the socket's host is what the certificate is checked against, and SNI stays out.
    const servername = isIP(server.tlsName) === 0 ? { servername: server.tlsName } : {};
    const attempt = (index: number, failure: Error): void => {
      const target = server.targets[index];
      if (target === undefined) {
        callback(failure, null);
        return;
      }
      const { host, port } = target;
      connect({ ...options, hostname: host, port: String(port), ...servername }, (error, socket) =>
        error === null ? callback(null, socket) : attempt(index + 1, error),
      );
    };
    attempt(0, new Error('DNS says that there is no such service'));
  };

/** Kept-alive connections, one small pool per discovered server; the least recently used pool is closed. */
export const createPeerPools = (options: ConnectorOptions) => {
  const connect = createConnector(options);
  const pools = new LRUCache<string, Pool>({
    max: limits.peersConnectedMax,
    // Requests under way on it finish first.
    dispose: (pool) => void pool.close(),
  });
  return {
    poolFor: (server: DiscoveredServer): Pool => {
      const targets = server.targets.map(({ host, port }) => `${host}:${port}`).sort();
      const key = [server.hostHeader, ...targets].join(' ');
      const pool =
        pools.get(key) ??
        new Pool(`https://${server.hostHeader}`, {
          connect: connectToServer(connect, server),
          connections: limits.peerConnectionsMax,
          keepAliveTimeout: limits.peerKeepAliveMs,
          keepAliveMaxTimeout: limits.peerKeepAliveMs,
          maxHeaderSize: limits.headersBytesMax,
        });
      pools.set(key, pool);
      return pool;
    },
    /** Breaks off whatever is still open. */
    close: async (): Promise<void> => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
};
