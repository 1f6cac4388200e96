import { disclosure } from './disclosure.ts';

/** Promises about what crosses the network, and how the software gets to you. */
export const network = [
  disclosure({
    id: 'transport',
    kind: 'protected',
    title: 'HTTP and WebSocket traffic ends in TLS',
    wording:
      'TLS 1.3, or 1.2 with forward secrecy and AEAD suites. Plain HTTP is served on loopback, or behind a proxy that the operator has declared; where certificates come by ACME, port 80 answers the authority and nothing of Matrix. Clients are told to use TLS for at least a year (HSTS).',
    parameters: { tlsMin: '1.2', hstsSecondsMin: 31_536_000 },
    code: [
      'server/config/where-reached.ts',
      'server/certificates/open-certificates.ts',
      'server/http/listener.ts',
    ],
    since: '0.1.0',
  }),
  disclosure({
    id: 'federation-auth',
    kind: 'protected',
    title: 'Servers sign what they send',
    wording:
      'Every request to another server carries an X-Matrix signature. Every event that comes in, by whatever way, is checked for its content hash, its signature and the auth rules of its room version. Events are signed only after they are compared with what was asked for.',
    parameters: { signature: 'Ed25519', hash: 'SHA-256' },
    code: [
      'federation/requests/x-matrix.ts',
      'federation/events/event-signatures.ts',
      'federation/auth/check-auth.ts',
      'federation/events/same-as-asked.ts',
    ],
    since: '0.1.0',
  }),
  disclosure({
    id: 'federation-ciphertext',
    kind: 'protected',
    title: 'What crosses between servers from encrypted rooms is ciphertext',
    wording:
      'Messages of encrypted rooms cross as m.room.encrypted only. Plaintext that another server offers for such a room is soft-failed and counted.',
    code: ['server/rooms/remote/place-received.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'releases',
    kind: 'protected',
    title: 'Releases are signed',
    wording:
      'A manifest of SHA-256 sums with a signature that cosign can check, and the key at /.well-known/keys/candor.pub. The updater refuses a bad or an older manifest.',
    parameters: { hash: 'SHA-256' },
    code: ['.ci/release'],
  }),
] as const;
