import { logLevels } from '../log.ts';

export type OptionKind =
  | { readonly kind: 'text' | 'path' | 'boolean' | 'address' | 'http-url' | 'postgres-url' }
  | { readonly kind: 'server-name' | 'server-names' | 'public-keys' | 'user-id' | 'email' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export type Option = OptionKind & {
  /** The dotted YAML key. */
  readonly key: string;
  readonly env: string;
  /** As it would be written in YAML; undefined when the option is not set by default. */
  readonly default?: string;
  /** What the table says instead of the default. */
  readonly defaultText?: string;
  readonly secret?: true;
  readonly doc: string;
};

/** Every setting there is; `read-config.ts` reads by it and the README's table is written from it. */
export const options = [
  {
    key: 'server_name',
    env: 'CANDOR_SERVER_NAME',
    kind: 'server-name',
    default: 'localhost:8448',
    doc: 'The part behind the colon of every user id. It cannot be changed later.',
  },
  {
    key: 'data_dir',
    env: 'CANDOR_DATA_DIR',
    kind: 'path',
    default: './data',
    doc: 'Where everything is kept that is not in an outside database.',
  },
  {
    key: 'database.url',
    env: 'CANDOR_DATABASE_URL',
    kind: 'postgres-url',
    secret: true,
    defaultText: 'none: the server starts and supervises its own PostgreSQL under `data_dir`',
    doc: 'A PostgreSQL (15 to 18) of yours: `postgres://user:password@host/database`.',
  },
  {
    key: 'database.bin_dir',
    env: 'CANDOR_DATABASE_BIN_DIR',
    kind: 'path',
    defaultText: 'the programs of the npm package',
    doc: 'The folder of the `initdb` and `postgres` programs for the server’s own PostgreSQL.',
  },
  {
    key: 'client.listen',
    env: 'CANDOR_CLIENT_LISTEN',
    kind: 'address',
    default: '127.0.0.1:8008',
    doc: 'Plain HTTP for clients: on a loopback address only, or behind a proxy that ends TLS.',
  },
  {
    key: 'client.behind_proxy',
    env: 'CANDOR_BEHIND_PROXY',
    kind: 'boolean',
    default: 'false',
    doc: 'True when a proxy that ends TLS stands before `client.listen`; its `X-Forwarded-For` is then believed.',
  },
  {
    key: 'client.public_url',
    env: 'CANDOR_PUBLIC_URL',
    kind: 'http-url',
    defaultText: 'from `client.listen`; behind a proxy `https://` and the host of `server_name`',
    doc: 'The base URL under which clients reach the server.',
  },
  {
    key: 'federation.listen',
    env: 'CANDOR_FEDERATION_LISTEN',
    kind: 'address',
    default: '0.0.0.0:8448',
    doc: 'HTTPS for other servers, always with TLS.',
  },
  {
    key: 'tls.cert',
    env: 'CANDOR_TLS_CERT',
    kind: 'path',
    defaultText: 'self-signed for `localhost` names with a warning, else required',
    doc: 'The certificate with its chain (PEM).',
  },
  {
    key: 'tls.key',
    env: 'CANDOR_TLS_KEY',
    kind: 'path',
    defaultText: 'as `tls.cert`',
    doc: 'The private key of the certificate (PEM).',
  },
  {
    key: 'federation.ca_file',
    env: 'CANDOR_FEDERATION_CA',
    kind: 'path',
    defaultText: 'system roots',
    doc: 'Certificate authorities (PEM) to believe other servers by, instead of the system’s.',
  },
  {
    key: 'federation.delegate_to',
    env: 'CANDOR_FEDERATION_DELEGATE_TO',
    kind: 'server-name',
    defaultText: 'none: other servers come to `server_name` itself',
    doc: 'Where other servers reach this one; `/.well-known/matrix/server` tells them.',
  },
  {
    key: 'federation.allow',
    env: 'CANDOR_FEDERATION_ALLOW',
    kind: 'server-names',
    defaultText: 'everyone',
    doc: 'Only these servers may federate with this one.',
  },
  {
    key: 'federation.deny',
    env: 'CANDOR_FEDERATION_DENY',
    kind: 'server-names',
    defaultText: 'no one',
    doc: 'These servers may not, whatever `federation.allow` says.',
  },
  {
    key: 'federation.allow_private_addresses',
    env: 'CANDOR_FEDERATION_ALLOW_PRIVATE',
    kind: 'boolean',
    default: 'false',
    doc: 'Whether requests may go to loopback and private addresses.',
  },
  {
    key: 'federation.trusted_key_servers',
    env: 'CANDOR_TRUSTED_KEY_SERVERS',
    kind: 'server-names',
    defaultText: 'none',
    doc: 'Servers that are asked for the keys of servers which do not answer.',
  },
  {
    key: 'federation.blocked_keys',
    env: 'CANDOR_FEDERATION_BLOCKED_KEYS',
    kind: 'public-keys',
    defaultText: 'none',
    doc: 'Public keys (unpadded base64) of servers that are known to have leaked: nothing signed with them is believed.',
  },
  {
    key: 'registration.mode',
    env: 'CANDOR_REGISTRATION',
    kind: 'choice',
    choices: ['open', 'token', 'closed'],
    default: 'token',
    doc: 'Who may make an account: anyone, who has a token, no one.',
  },
  {
    key: 'registration.shared_secret',
    env: 'CANDOR_REGISTRATION_SHARED_SECRET',
    kind: 'text',
    secret: true,
    defaultText: 'none',
    doc: 'With it, the HMAC registration of the Synapse admin API works.',
  },
  {
    key: 'support.email',
    env: 'CANDOR_SUPPORT_EMAIL',
    kind: 'email',
    defaultText: 'none',
    doc: 'Whom to write to about this server; `/.well-known/matrix/support` tells it.',
  },
  {
    key: 'support.matrix_id',
    env: 'CANDOR_SUPPORT_MATRIX_ID',
    kind: 'user-id',
    defaultText: 'none',
    doc: 'A Matrix user to write to, better on another server: it is needed when this one is down.',
  },
  {
    key: 'support.page',
    env: 'CANDOR_SUPPORT_PAGE',
    kind: 'http-url',
    defaultText: 'none',
    doc: 'A page that helps the people on this server.',
  },
  {
    key: 'metrics.token',
    env: 'CANDOR_METRICS_TOKEN',
    kind: 'text',
    secret: true,
    defaultText: 'none: `/metrics` is for this machine only',
    doc: 'Who sends it as `Authorization: Bearer …` may read `/metrics` from anywhere.',
  },
  {
    key: 'rate_limits',
    env: 'CANDOR_RATE_LIMITS',
    kind: 'choice',
    choices: ['on', 'off'],
    default: 'on',
    doc: 'Off for tests and benchmarks only.',
  },
  {
    key: 'log.level',
    env: 'CANDOR_LOG_LEVEL',
    kind: 'choice',
    choices: logLevels,
    default: 'info',
    doc: 'The least severe level that is written.',
  },
] as const satisfies readonly Option[];

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
