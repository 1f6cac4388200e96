import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Teardown } from './test-database.ts';

export type CuttingProxy = {
  /** The database's URL by way of the proxy. */
  readonly url: string;
  /**
   * Lets the next message of a client that holds `text` through, and cuts every connection when PostgreSQL has
   * answered it: the client cannot know. No new ones until `open`.
   */
  cutAfter(text: string): Promise<void>;
  open(): void;
};

const targetOf = (url: string) => {
  const { hostname, port, searchParams } = new URL(url.replace('@/', '@localhost/'));
  const folder = searchParams.get('host');
  return folder === null
    ? { host: hostname, port: Number(port || 5432) }
    : { path: `${folder}/.s.PGSQL.5432` };
};

/** Stands between a server and its database, to lose the answer of a commit that was done. */
export const startCuttingProxy = async (
  t: Teardown,
  databaseUrl: string,
): Promise<CuttingProxy> => {
  const target = targetOf(databaseUrl);
  const sockets = new Set<Socket>();
  let isOpen = true;
  let awaited: { readonly text: string; readonly done: () => void } | undefined;
  const cutAll = () => {
    isOpen = false;
    awaited?.done();
    awaited = undefined;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (!isOpen) {
      client.destroy();
      return;
    }
    const database = connect(target);
    let isLast = false;
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        database.destroy();
      });
    }
    client.on('data', (bytes) => {
      isLast ||= awaited !== undefined && bytes.includes(awaited.text);
      database.write(bytes);
    });
    database.on('data', (bytes) => {
      // The last byte but five of an answer says that the database is ready for the next query.
      if (!isLast) client.write(bytes);
      else if (bytes.at(-6) === 'Z'.charCodeAt(0)) cutAll();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  const url = new URL(databaseUrl.replace('@/', '@localhost/'));
  url.searchParams.delete('host');
  url.host = `127.0.0.1:${port}`;
  return {
    url: url.href,
    cutAfter: (text) =>
      new Promise((done) => {
        awaited = { text, done };
      }),
    open: () => {
      isOpen = true;
    },
  };
};
