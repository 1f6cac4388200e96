import { disclosure } from './disclosure.ts';

/** What an operator, or someone who breaks in, can see or do. */
export const exposed = [
  disclosure({
    id: 'webhooks',
    kind: 'not-protected',
    title: 'Text posted by a webhook',
    wording: 'It comes in plaintext and is stored so.',
    code: ['server/webhooks'],
  }),
  disclosure({
    id: 'metadata',
    kind: 'not-protected',
    title: 'Who talks to whom, and when',
    wording:
      'Sender, room, time, size class, membership, reactions and relations, receipts, typing, presence, and the name, topic and picture of a room are seen by every server in the room. The addresses and user agents of sessions, and what a push notification needs, are seen by the server of the user. Sealed sender is not used: Matrix names the sender of every message, so it would hide nothing.',
    code: ['server/storage'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'member-lists',
    kind: 'not-protected',
    title: 'Who is in a group, as the servers tell it',
    wording:
      'Matrix does not sign the list of members as a whole: a homeserver that lies can add a member to a group, who then gets the keys of later messages, or keep a departure from its own users. The SDK shows every member and gives keys to nobody it does not show. A direct conversation is between two users whatever a server says.',
    code: ['client-sdk/rooms/audience.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'archive-secrecy',
    kind: 'not-protected',
    title: 'No forward secrecy in an archive',
    wording:
      'A conversation forgets its keys, an archive does not: whoever gets its key, from the store of one device or with the recovery key, and the sealed messages from the server, reads everything that was ever put into it. A recovery can also be opened with a passphrase, which the server of the user can try to guess without being seen; take a long one, or none. Whether somebody else in a conversation keeps an archive cannot be seen.',
    code: ['client-sdk/archive'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'accounts',
    kind: 'not-protected',
    title: 'Accounts',
    wording: 'User names, e-mail addresses if given, roles and profiles.',
    code: ['server/storage/accounts.ts'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'files',
    kind: 'not-protected',
    title: 'Files of clients that do not encrypt them',
    wording:
      'They are stored as they came; only the access rights of the file system protect them.',
    code: ['server/media'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'client-code',
    kind: 'not-protected',
    title: 'The code of the client',
    wording:
      'Whoever serves the code of a client is trusted by its user. The SDK, run on your own machine, is the way out.',
    code: ['client-sdk'],
    since: '0.1.0',
  }),
  disclosure({
    id: 'audit',
    kind: 'not-protected',
    title: 'No audit',
    wording: 'Nobody independent has audited the cryptography yet.',
    code: [],
    since: '0.1.0',
  }),
] as const;
