export { type CertificateAuthority, makeAuthority } from './certificate-authority.ts';
export { freePort } from './free-port.ts';
export { tlsHandshake } from './tls-handshake.ts';
