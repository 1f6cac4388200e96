import { once } from 'node:events';
import { connect, type PeerCertificate } from 'node:tls';

export type Presented = {
  /** Whether a client that believes `ca` takes it for `name`. */
  readonly isBelieved: boolean;
  readonly certificate: PeerCertificate;
};

/** The certificate that a listener of this machine shows to who looks for `name`. */
export const presentedCertificate = async (
  port: number,
  name: string,
  ca: string,
): Promise<Presented> => {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: name,
    ca,
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const presented = { isBelieved: socket.authorized, certificate: socket.getPeerCertificate() };
  socket.destroy();
  return presented;
};
