import type { AdminRequest } from '../admin/admin-request.ts';

export type AdminFlags = {
  readonly admin: boolean;
  readonly uses: string | undefined;
  readonly days: string | undefined;
};

const dayMs = 86_400_000;

/** Undefined for what is no whole number from 1 to a million. */
const readCount = (text: string): number | undefined =>
  /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;

const newToken = ({ uses, days }: AdminFlags, now: number): AdminRequest | string => {
  const usesAllowed = uses === undefined ? undefined : readCount(uses);
  const lifetimeDays = days === undefined ? undefined : readCount(days);
  if (uses !== undefined && usesAllowed === undefined) return '--uses: a number from 1 on';
  if (days !== undefined && lifetimeDays === undefined) return '--days: a number from 1 on';
  return {
    command: 'create-token',
    ...(usesAllowed !== undefined && { usesAllowed }),
    ...(lifetimeDays !== undefined && { expiresAt: now + lifetimeDays * dayMs }),
  };
};

const readWords = (
  words: readonly string[],
  flags: AdminFlags,
  now: number,
): AdminRequest | string => {
  const [command, subject, ...more] = words;
  if (command === 'list-users')
    return subject === undefined ? { command, after: '' } : `unexpected argument '${subject}'`;
  if (command === 'registration-token') {
    const [token, ...rest] = more;
    const wanted = subject === 'revoke' ? 1 : 0;
    if (rest.length > 0 || more.length > wanted)
      return `unexpected argument '${more[wanted] ?? ''}'`;
    if (subject === 'create') return newToken(flags, now);
    if (subject === 'list') return { command: 'list-tokens' };
    if (subject !== 'revoke') return 'registration-token: create, list or revoke TOKEN';
    return token === undefined ? 'the token is missing' : { command: 'revoke-token', token };
  }
  if (command !== 'create-user' && command !== 'reset-password' && command !== 'deactivate')
    return 'admin: create-user, reset-password, list-users, deactivate or registration-token';
  if (subject === undefined) return 'the name of the user is missing';
  if (more[0] !== undefined) return `unexpected argument '${more[0]}'`;
  if (command === 'create-user') return { command, name: subject, isAdmin: flags.admin };
  return { command, user: subject };
};

/** What the words after `candor admin` ask for, or what is wrong with them. */
export const readAdminRequest = (
  words: readonly string[],
  flags: AdminFlags,
  now: number,
): AdminRequest | string => {
  const request = readWords(words, flags, now);
  if (typeof request === 'string') return request;
  if (flags.admin && request.command !== 'create-user') return '--admin goes with create-user only';
  if ((flags.uses ?? flags.days) !== undefined && request.command !== 'create-token')
    return '--uses and --days go with registration-token create only';
  return request;
};
