import { hash } from 'node:crypto';

const prefixes = {
  access: 'candor_at_',
  refresh: 'candor_rt_',
  openId: 'candor_oid_',
} as const;

/** A new secret of 256 bits; the prefix lets secret scanners find leaked ones. */
export const newToken = (
  kind: keyof typeof prefixes,
  randomBytes: (size: number) => Buffer,
): string => `${prefixes[kind]}${randomBytes(32).toString('base64url')}`;

/** What the database knows of a token. A plain hash is enough: a token is random, not guessable. */
export const tokenHash = (token: string): Buffer => hash('sha256', token, 'buffer');
