import { resolve } from 'node:path';
import { isServerName } from '@candor/spec';
import { isLoopbackHost } from './loopback.ts';
import type { OptionKind } from './options.ts';

export type Address = { readonly host: string; readonly port: number };

type Values = {
  text: string;
  path: string;
  boolean: boolean;
  address: Address;
  'http-url': string;
  'postgres-url': string;
  'server-name': string;
  'server-names': readonly string[];
  'server-globs': readonly string[];
  'host-names': readonly string[];
  'acme-directory': string;
  base64url: string;
  'public-keys': readonly string[];
  'user-id': string;
  email: string;
};

export type ValueOf<O extends OptionKind> = O extends { readonly choices: readonly (infer C)[] }
  ? C
  : O['kind'] extends keyof Values
    ? Values[O['kind']]
    : never;

const parseAddress = (text: string): Address | undefined => {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:\s[\]/]+)):(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host !== undefined && port <= 65_535 ? { host, port } : undefined;
};

const parseHttpUrl = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, username, search, hash } = new URL(text);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
  return isSafe && username + search + hash === '' ? text.replace(/\/+$/, '') : undefined;
};

const acmeDirectories: Readonly<Record<string, string>> = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
};

const parseDirectory = (text: string): string | undefined => {
  if (Object.hasOwn(acmeDirectories, text)) return acmeDirectories[text];
  return URL.parse(text)?.protocol === 'https:' ? text : undefined;
};

/** A name that becomes a server name when its wildcards stand for a letter. */
const isServerGlob = (text: string): boolean => isServerName(text.replaceAll(/[*?]/g, 'a'));

const isHostName = (text: string): boolean => isServerName(text) && !text.includes(':');

const isPublicKey = (text: string): boolean => /^[A-Za-z0-9+/]{43}$/.test(text);

const parseList = (
  raw: unknown,
  isAllowed: (text: string) => boolean,
): readonly string[] | undefined => {
  const texts = typeof raw === 'string' ? raw.split(',').map((text) => text.trim()) : raw;
  if (!Array.isArray(texts)) return undefined;
  return texts.every((text) => typeof text === 'string' && isAllowed(text)) ? texts : undefined;
};

/** The value of an option as YAML or the environment has it; undefined when it is not allowed. Paths start at `folder`. */
export const parseValue = (option: OptionKind, raw: unknown, folder: string): unknown => {
  if (option.kind === 'server-names') return parseList(raw, isServerName);
  if (option.kind === 'server-globs') return parseList(raw, isServerGlob);
  if (option.kind === 'host-names') return parseList(raw, isHostName);
  if (option.kind === 'public-keys') return parseList(raw, isPublicKey);
  if (option.kind === 'boolean')
    return raw === true || raw === 'true'
      ? true
      : raw === false || raw === 'false'
        ? false
        : undefined;
  if (typeof raw !== 'string' || raw === '') return undefined;
  switch (option.kind) {
    case 'choice':
      return option.choices.find((choice) => choice === raw);
    case 'path':
      return resolve(folder, raw);
    case 'address':
      return parseAddress(raw);
    case 'http-url':
      return parseHttpUrl(raw);
    case 'postgres-url':
      return /^postgres(?:ql)?:\/\/\S+$/.test(raw) ? raw : undefined;
    case 'acme-directory':
      return parseDirectory(raw);
    case 'base64url':
      return /^[A-Za-z0-9_-]+={0,2}$/.test(raw) ? raw : undefined;
    case 'user-id':
      return /^@[^:\s]*:/.test(raw) && isServerName(raw.slice(raw.indexOf(':') + 1))
        ? raw
        : undefined;
    case 'email':
      return /^[^@\s]+@[^@\s]+$/.test(raw) ? raw : undefined;
    case 'server-name':
      return isServerName(raw) ? raw : undefined;
    case 'text':
      return raw;
  }
};
