import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { checkServerIdentity, connect, createServer } from 'node:tls';

type Named = { readonly host?: string; readonly servername?: string };

/**
 * What a TLS client that believes `ca` says to a server of this name or address with this certificate: `believed`, or
 * the code of its error. By IPv4 whatever the address is: not every machine has IPv6.
 */
export const tlsHandshake = async (
  tls: { readonly cert: string; readonly key: string },
  ca: string,
  name: Named,
): Promise<string> => {
  const server = createServer(tls, (socket) => socket.end());
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { servername = '', host = servername } = name;
  const socket = connect({
    ...{ port, host: '127.0.0.1', ca, servername },
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  });
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
