export { type CertificateAuthority, makeAuthority } from './certificate-authority.ts';
export { tlsHandshake } from './tls-handshake.ts';
