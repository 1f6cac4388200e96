export { type CertificateAuthority, makeAuthority } from './certificate-authority.ts';
