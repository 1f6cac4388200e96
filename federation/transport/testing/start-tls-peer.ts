import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { IssuedCertificate } from '../issue-certificate.ts';

export type SeenRequest = {
  readonly url: string;
  readonly host: string | undefined;
  /** What the client named in TLS; false when it named nothing. */
  readonly tlsName: string | false | null;
};

/** The whole body of a request, as text. */
export const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** A TLS server on loopback that notes what it was asked. */
export const startTlsPeer = async (
  certificate: Pick<IssuedCertificate, 'cert' | 'key'>,
  answer: RequestListener,
) => {
  const seen: SeenRequest[] = [];
  let connections = 0;
  const server = createServer(certificate, (request, response) => {
    const { socket, headers, url = '' } = request;
    const tlsName = socket instanceof TLSSocket ? socket.servername : false;
    seen.push({ url, host: headers.host, tlsName });
    answer(request, response);
  });
  server.on('secureConnection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    connections: () => connections,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
