import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';

type Named = { readonly host?: string; readonly servername?: string };

/** What a TLS client that believes `ca` says to a server with this certificate: `believed`, or the code of its error. */
export const tlsHandshake = async (
  tls: { readonly cert: string; readonly key: string },
  ca: string,
  name: Named,
): Promise<string> => {
  const server = createServer(tls, (socket) => socket.end());
  server.on('tlsClientError', () => undefined);
  server.listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: name.host ?? '127.0.0.1', ca, ...name });
  try {
    await once(socket, 'secureConnect');
    return 'believed';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
    server.close();
  }
};
