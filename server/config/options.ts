import { logLevels } from '../log.ts';

export type OptionKind =
  | { readonly kind: 'text' | 'path' | 'boolean' | 'address' | 'http-url' | 'postgres-url' }
  | { readonly kind: 'server-name' | 'server-names' | 'server-globs' | 'host-names' }
  | { readonly kind: 'public-keys' | 'user-id' | 'email' | 'acme-directory' | 'base64url' }
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
    doc: 'For clients: plain HTTP on a loopback address or with `client.behind_proxy`, HTTPS elsewhere.',
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
    defaultText:
      'from `client.listen`; behind a proxy and with HTTPS `https://` and the host of `server_name`',
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
    defaultText:
      'self-signed for `localhost` names with a warning, else this or `tls.acme` is required',
    doc: 'The certificate with its chain (PEM). Read again within a minute when it changes, and on SIGHUP.',
  },
  {
    key: 'tls.key',
    env: 'CANDOR_TLS_KEY',
    kind: 'path',
    defaultText: 'as `tls.cert`',
    doc: 'The private key of the certificate (PEM).',
  },
  {
    key: 'tls.acme.directory',
    env: 'CANDOR_TLS_ACME_DIRECTORY',
    kind: 'acme-directory',
    defaultText: 'none: certificates come from files',
    doc: 'The authority that gives and renews the certificate: `letsencrypt`, `letsencrypt-staging` or the URL of an ACME directory.',
  },
  {
    key: 'tls.acme.agree_to_terms',
    env: 'CANDOR_TLS_ACME_AGREE_TO_TERMS',
    kind: 'boolean',
    default: 'false',
    doc: 'True when you have read the authority’s terms of service and agree; there is no ACME without.',
  },
  {
    key: 'tls.acme.email',
    env: 'CANDOR_TLS_ACME_EMAIL',
    kind: 'email',
    defaultText: 'none',
    doc: 'Where the authority may write to you.',
  },
  {
    key: 'tls.acme.hosts',
    env: 'CANDOR_TLS_ACME_HOSTS',
    kind: 'host-names',
    defaultText: 'none',
    doc: 'Further names for the certificate, beside the one where other servers reach this one and that of `client.public_url`.',
  },
  {
    key: 'tls.acme.http_listen',
    env: 'CANDOR_TLS_ACME_HTTP_LISTEN',
    kind: 'address',
    default: '0.0.0.0:80',
    doc: 'Where the authority’s questions (http-01) are answered. It has to be reached as port 80 of every name.',
  },
  {
    key: 'tls.acme.ca_file',
    env: 'CANDOR_TLS_ACME_CA',
    kind: 'path',
    defaultText: 'system roots',
    doc: 'Certificate authorities (PEM) to believe the ACME directory by, instead of the system’s.',
  },
  {
    key: 'tls.acme.eab_key_id',
    env: 'CANDOR_TLS_ACME_EAB_KEY_ID',
    kind: 'text',
    defaultText: 'none',
    doc: 'Names your account at an authority that wants one (external account binding).',
  },
  {
    key: 'tls.acme.eab_hmac_key',
    env: 'CANDOR_TLS_ACME_EAB_HMAC_KEY',
    kind: 'base64url',
    secret: true,
    defaultText: 'none',
    doc: 'The key that belongs to `tls.acme.eab_key_id`.',
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
    kind: 'server-globs',
    defaultText: 'everyone',
    doc: 'Only these servers may federate with this one; `*` and `?` stand for other letters, as in `*.example.org`.',
  },
  {
    key: 'federation.deny',
    env: 'CANDOR_FEDERATION_DENY',
    kind: 'server-globs',
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
