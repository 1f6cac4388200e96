import { type Option, type OptionKind, options } from './options.ts';

/** What a value of this option has to look like, for people. */
export const allowedText = (option: OptionKind): string => {
  switch (option.kind) {
    case 'choice':
      return option.choices.map((choice) => `\`${choice}\``).join(', ');
    case 'boolean':
      return '`true`, `false`';
    case 'address':
      return 'host:port, such as 127.0.0.1:8008 or [::1]:8008';
    case 'http-url':
      return 'an https:// URL, or http:// on a loopback host';
    case 'postgres-url':
      return 'postgres://user:password@host:port/database';
    case 'server-name':
      return 'a server name, such as example.org or example.org:8448';
    case 'user-id':
      return 'a Matrix user id, such as @admin:example.org';
    case 'email':
      return 'an e-mail address';
    case 'server-names':
      return 'a list of server names (in the environment separated by commas)';
    case 'server-globs':
      return 'a list of server names, with * and ? for other letters (in the environment separated by commas)';
    case 'host-names':
      return 'a list of host names, such as chat.example.org (in the environment separated by commas)';
    case 'acme-directory':
      return 'letsencrypt, letsencrypt-staging or an https:// URL';
    case 'base64url':
      return 'a key in base64url';
    case 'public-keys':
      return 'a list of Ed25519 public keys in unpadded base64 (in the environment separated by commas)';
    case 'path':
      return 'a path';
    case 'text':
      return 'a text';
  }
};

/** The settings as a Markdown table, for the README. */
export const settingsTable = (): string =>
  [
    '| setting | environment | default | what it is |',
    '| --- | --- | --- | --- |',
    ...options.map((option: Option) => {
      const fallback = option.default === undefined ? option.defaultText : `\`${option.default}\``;
      const choices = option.kind === 'choice' ? ` One of ${allowedText(option)}.` : '';
      const secret = option.secret ? ' Secret.' : '';
      return `| \`${option.key}\` | \`${option.env}\` | ${fallback ?? 'none'} | ${option.doc}${choices}${secret} |`;
    }),
  ].join('\n');
