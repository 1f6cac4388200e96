import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseDocument } from 'yaml';
import type { LogLevel } from '../log.ts';
import { checkTogether } from './check-together.ts';
import { allowedText } from './describe-options.ts';
import { nearestName } from './nearest-name.ts';
import { type Option, options } from './options.ts';
import { type Address, parseValue, type ValueOf } from './parse-value.ts';
import { certificateHosts, isClientTls, publicUrlOf } from './where-reached.ts';

export type AcmeConfig = {
  /** The URL of the directory. */
  readonly directory: string;
  readonly email: string | undefined;
  readonly httpListen: Address;
  readonly caFile: string | undefined;
  /** The key is in base64url, and a secret. */
  readonly externalAccount: { readonly keyId: string; readonly hmacKey: string } | undefined;
};

/** The settings of a run, checked; paths are absolute. */
export type Config = {
  readonly serverName: string;
  readonly dataDir: string;
  readonly database: { readonly url: string | undefined; readonly binDir: string | undefined };
  readonly client: {
    readonly listen: Address;
    /** Whether `listen` speaks HTTPS. */
    readonly isTls: boolean;
    readonly publicUrl: string;
    readonly behindProxy: boolean;
  };
  readonly federation: {
    readonly listen: Address;
    readonly caFile: string | undefined;
    readonly delegateTo: string | undefined;
    /** undefined: everyone. */
    readonly allow: readonly string[] | undefined;
    readonly deny: readonly string[];
    readonly allowPrivateAddresses: boolean;
    readonly trustedKeyServers: readonly string[];
    readonly blockedKeys: readonly string[];
  };
  readonly tls: {
    readonly cert: string | undefined;
    readonly key: string | undefined;
    /** The names that the certificate has to be for, lower case; the first is where other servers reach us. */
    readonly hosts: readonly string[];
    readonly acme: AcmeConfig | undefined;
  };
  readonly registration: {
    readonly mode: 'open' | 'token' | 'closed';
    readonly sharedSecret: string | undefined;
  };
  /** Whom to ask about this server, where the operator says so. */
  readonly support: {
    readonly email: string | undefined;
    readonly matrixId: string | undefined;
    readonly page: string | undefined;
  };
  readonly metrics: { readonly token: string | undefined };
  readonly rateLimits: boolean;
  readonly log: { readonly level: LogLevel };
};

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly string[] };

export type ConfigSources = {
  /** A YAML file; its relative paths start at its own folder. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
};

type Known = (typeof options)[number];
/** Every setting as it was read, by its key. */
export type Values = {
  readonly [O in Known as O['key']]: O extends { readonly default: string }
    ? ValueOf<O>
    : ValueOf<O> | undefined;
};

const known: readonly Option[] = options;
const keys = known.map(({ key }) => key);
const isSection = (name: string): boolean => keys.some((key) => key.startsWith(`${name}.`));

/** Nested maps become dotted keys; an empty section or value is the same as none. */
const flatten = (value: unknown, prefix = ''): readonly (readonly [string, unknown])[] => {
  if (value === null)
    return prefix === '' || isSection(prefix) || keys.includes(prefix) ? [] : [[prefix, value]];
  if (typeof value !== 'object' || Array.isArray(value)) return [[prefix, value]];
  return Object.entries(value).flatMap(([name, inner]) =>
    flatten(inner, prefix === '' ? name : `${prefix}.${name}`),
  );
};

const readFile = (file: string, faults: string[]): ReadonlyMap<string, unknown> => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    faults.push(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return new Map();
  }
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    faults.push(...document.errors.map(({ message }) => `${file}: ${message}`));
    return new Map();
  }
  const settings = new Map(flatten(document.toJS()));
  for (const key of settings.keys()) {
    if (keys.includes(key)) continue;
    if (key === '' || isSection(key))
      faults.push(`${key || file}: has to be a section of settings`);
    else faults.push(`${key}: unknown setting; the nearest is ${nearestName(key, keys)}`);
  }
  return settings;
};

const readValues = ({ file, env }: ConfigSources, faults: string[]): Partial<Values> => {
  const settings = file === undefined ? new Map() : readFile(file, faults);
  const folder = file === undefined ? process.cwd() : dirname(file);
  const read = (option: Option): unknown => {
    const fromEnv = env[option.env] || undefined;
    const fromFile = settings.get(option.key);
    const raw = fromEnv ?? fromFile ?? option.default;
    if (raw === undefined) return undefined;
    const isFromFile = fromEnv === undefined && fromFile !== undefined;
    const value = parseValue(option, raw, isFromFile ? folder : process.cwd());
    if (value === undefined) {
      const shown = option.secret ? 'the value' : JSON.stringify(raw);
      const name = fromEnv === undefined ? option.key : `${option.key} (${option.env})`;
      faults.push(`${name}: ${shown} is not allowed; allowed: ${allowedText(option)}`);
    }
    return value;
  };
  return Object.fromEntries(known.map((option) => [option.key, read(option)]));
};

/** What the settings say of ACME, once they are known to be whole. */
const acmeOf = (values: Values): Config['tls']['acme'] => {
  const directory = values['tls.acme.directory'];
  if (directory === undefined) return undefined;
  const keyId = values['tls.acme.eab_key_id'];
  const hmacKey = values['tls.acme.eab_hmac_key'];
  return {
    directory,
    email: values['tls.acme.email'],
    httpListen: values['tls.acme.http_listen'],
    caFile: values['tls.acme.ca_file'],
    externalAccount: keyId === undefined || hmacKey === undefined ? undefined : { keyId, hmacKey },
  };
};

/** Reads the settings from the environment, then the file, then the defaults; reports all faults at once. */
export const readConfig = (sources: ConfigSources): ConfigResult => {
  const faults: string[] = [];
  const read = readValues(sources, faults);
  faults.push(...checkTogether(read));
  if (faults.length > 0) return { ok: false, faults };
  // Without a fault every option with a default has its value.
  const values = read as Values;
  return {
    ok: true,
    config: {
      serverName: values.server_name,
      dataDir: values.data_dir,
      database: { url: values['database.url'], binDir: values['database.bin_dir'] },
      client: {
        listen: values['client.listen'],
        isTls: isClientTls(values),
        publicUrl: publicUrlOf(values),
        behindProxy: values['client.behind_proxy'],
      },
      federation: {
        listen: values['federation.listen'],
        caFile: values['federation.ca_file'],
        delegateTo: values['federation.delegate_to'],
        allow: values['federation.allow'],
        deny: values['federation.deny'] ?? [],
        allowPrivateAddresses: values['federation.allow_private_addresses'],
        trustedKeyServers: values['federation.trusted_key_servers'] ?? [],
        blockedKeys: values['federation.blocked_keys'] ?? [],
      },
      tls: {
        cert: values['tls.cert'],
        key: values['tls.key'],
        hosts: certificateHosts(values),
        acme: acmeOf(values),
      },
      registration: {
        mode: values['registration.mode'],
        sharedSecret: values['registration.shared_secret'],
      },
      support: {
        email: values['support.email'],
        matrixId: values['support.matrix_id'],
        page: values['support.page'],
      },
      metrics: { token: values['metrics.token'] },
      rateLimits: values.rate_limits === 'on',
      log: { level: values['log.level'] },
    },
  };
};
