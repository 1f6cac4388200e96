import { disclosure } from './disclosure.ts';

/** Promises about what people say to each other. */
export const messages = [
  disclosure({
    id: 'dm-e2ee',
    kind: 'protected',
    title: 'Direct messages are end-to-end encrypted with the Signal protocol',
    wording:
      'The SDK agrees on keys with PQXDH, the post-quantum successor of X3DH, and encrypts each message with the Double Ratchet and its post-quantum ratchet, for every device by itself. Someone who copies the state of a session can no longer read along after two more exchanges in both directions. Lost, late, replayed and doubled messages are told apart.',
    parameters: { bundlesUploaded: 100, bundlesRefillBelow: 50, sessionUnansweredDaysMax: 30 },
    code: ['client-sdk/signal/sessions.ts', 'client-sdk/signal/pre-keys.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'group-e2ee',
    kind: 'protected',
    title: 'Group messages are end-to-end encrypted with Sender Keys',
    wording:
      'Each device sends a group with a key of its own, which it hands only to devices signed by their owner, inside pairwise sessions. The key is changed when a member or a device leaves, is removed or loses its trust, after 100 messages and after 7 days, also by a device that was offline at the time. A new member cannot read what was sent before.',
    parameters: { messagesPerKeyMax: 100, keyDaysMax: 7 },
    code: ['client-sdk/signal/sender-keys.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'no-keys-on-server',
    kind: 'protected',
    title: 'The server never holds a key that opens a message',
    wording:
      'Private keys are made on the device and stay in its encrypted store; once a user makes a recovery, their signing keys and the key of their archive are also on the server, encrypted with a recovery key that is not there. The database, the media folder, the logs and the traffic between servers hold neither the text of an encrypted message nor a private key of a device.',
    code: ['client-sdk/stores/sqlcipher-store.ts', 'client-sdk/signal/pre-keys.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'no-plaintext-fallback',
    kind: 'protected',
    title: 'An encrypted room stays encrypted',
    wording:
      'Once a room is encrypted the SDK refuses to send plaintext to it, whatever the server answers. The server refuses plaintext messages of its own users there and does not pass on those of others. Encryption cannot be switched off.',
    code: [
      'client-sdk/send',
      'client-sdk/rooms/refuse-clear.ts',
      'server/rooms/encryption-policy.ts',
      'server/rooms/remote/place-received.ts',
    ],
    since: '0.1.0',
  }),
  disclosure({
    id: 'sender-authenticity',
    kind: 'protected',
    title: "Nobody can put words in another's mouth",
    wording:
      'A group message forged by another member or by a server is refused, and shown as refused.',
    code: ['client-sdk/signal/sender-keys.ts', 'client-sdk/signal/plaintext.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'archive',
    kind: 'protected',
    title: 'An archive of messages is sealed to its user’s own devices',
    wording:
      'Off until the user turns it on. Each message is sealed on the device before it goes to the server of the user, to a key that only their devices and whoever has their recovery key or passphrase can have. A server can neither read nor make what is in it, and when it exchanges the key nothing more is sent and the user is told. It sees how many messages of which room are in it, when they came, and their size class. What is restored from it is shown as restored: that its sender wrote it is the word of the device that archived it.',
    parameters: { passphraseRounds: 500_000 },
    code: ['client-sdk/archive', 'client-sdk/secrets'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'attachments',
    kind: 'protected',
    title: 'Files sent with the SDK are encrypted before they are uploaded',
    wording:
      'The server stores ciphertext only. Name, type and size of the file travel inside the encrypted event.',
    code: ['client-sdk/attachments'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'calls',
    kind: 'protected',
    title: 'Voice and video use DTLS-SRTP, and their signalling is encrypted',
    wording:
      'The SDK sends the events that set up a call encrypted like messages. The fingerprints of DTLS-SRTP, with which the clients encrypt the call itself, are in them, so neither server can sit in the middle. A call in clear is refused by the SDK and by the server in rooms that are encrypted.',
    code: [
      'client-sdk/send',
      'client-sdk/rooms/message.ts',
      'client-sdk/rooms/refuse-clear.ts',
      'server/rooms/encryption-policy.ts',
    ],
    since: '0.1.0',
  }),
] as const;
