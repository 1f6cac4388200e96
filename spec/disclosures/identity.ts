import { disclosure } from './disclosure.ts';

/** Promises about who somebody is. */
export const identity = [
  disclosure({
    id: 'identity',
    kind: 'protected',
    title: 'Devices and users have long-term Ed25519 identities',
    wording:
      'Each device has an Ed25519 key and each user Ed25519 cross-signing keys. The Signal identity key of a device is part of the device keys that both sign, so it cannot be exchanged without being seen.',
    parameters: { signature: 'Ed25519' },
    code: ['client-sdk/signal/device-identity.ts', 'client-sdk/signal/cross-signing.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'fingerprint',
    kind: 'protected',
    title: 'Every pair of users has a safety number',
    wording:
      'Sixty digits and a QR code, made from the master keys of both users: the same on both sides and across servers, in direct conversations and in groups.',
    parameters: { digits: 60, hashIterations: 5_200 },
    code: ['client-sdk/verification/safety-number.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'tofu',
    kind: 'protected',
    title: 'The first key is trusted, a changed key is warned about',
    wording:
      'The SDK pins the first master key it sees of a user. When it changes, a warning is stored that survives a restart, and nothing is sent to that user until the warning is acknowledged or the user verified, in direct conversations and in groups.',
    code: ['client-sdk/verification/trust.ts'],
    since: '0.1.0',
  }),
] as const;
