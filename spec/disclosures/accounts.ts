import { disclosure } from './disclosure.ts';

/** Promises about passwords and second factors. */
export const accounts = [
  disclosure({
    id: 'passwords',
    kind: 'protected',
    title: 'Passwords are stored as Argon2id hashes',
    wording:
      'With the parameters below; a hash of older parameters is renewed at the next login. No password is in the database, the logs or an error report. A login takes the same time whether the user exists or not.',
    parameters: { algorithm: 'argon2id', timeCost: 3, memoryKiB: 65_536, parallelism: 4 },
    code: ['server/accounts/password.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'admin-reset',
    kind: 'protected',
    title: 'Administrators can reset a password, not read it',
    wording:
      '`candor admin reset-password`, run on the machine of the server, prints a temporary password once; like every other it is kept only as an Argon2id hash, and no command or answer gives a password back. The old password, all sessions and all devices end, so their message keys do not stay on the list of the server. Until the temporary password is changed the account counts as suspended in the sense of Matrix: the user reads, but sends no message, makes or joins no room, invites nobody and changes no profile. The text of these refusals tells them why; they are told in no other way, so not before they have signed in again. Until then whoever has the temporary password can sign in with it, the administrator too, on a new device that has none of the user’s keys.',
    parameters: { temporaryPasswordBits: 120 },
    code: ['server/admin', 'server/http/authenticate-user.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'totp',
    kind: 'protected',
    title: 'A second factor by TOTP (RFC 6238)',
    wording:
      'A code works once, one step early or late is accepted, attempts are limited, recovery codes are hashed with Argon2id, and no way to get a token goes around it.',
    parameters: { algorithm: 'SHA-1', digits: 6, stepSeconds: 30, skewSteps: 1 },
    code: ['server/accounts/second-factor.ts'],
  }),
  disclosure({
    id: 'totp-at-rest',
    kind: 'protected',
    title: 'TOTP secrets are encrypted with a key of this instance',
    wording:
      'ChaCha20-Poly1305 under 32 random bytes that are made at the first start and kept outside the database. The server does not start without that key or with a known one.',
    parameters: { algorithm: 'ChaCha20-Poly1305', keyBytes: 32 },
    code: ['server/accounts/second-factor.ts'],
  }),
] as const;
