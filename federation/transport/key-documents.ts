import type { KeyObject } from 'node:crypto';
import { limits } from '@candor/spec';
import type { JsonObject } from '../events/room-event.ts';
import { CanonicalJsonError } from '../json/canonical-json.ts';
import { isObject } from '../json/is-object.ts';
import { verifyJson } from '../json/sign-json.ts';
import { decodeBase64, encodeBase64 } from '../json/unpadded-base64.ts';
import { publicKeyFromBase64 } from '../keys/signing-key.ts';

export type StoredKey = {
  /** Unpadded base64 of the 32 bytes. */
  readonly key: string;
  /** What the key signed up to this time counts, in milliseconds; already capped. */
  readonly validUntilTs: number;
  /** The server has put the key among its old ones. */
  readonly expired: boolean;
};

/** What we know of one server's keys, as the store keeps it. */
export type StoredKeys = {
  readonly serverName: string;
  readonly keys: Readonly<Record<string, StoredKey>>;
  /** The newest document as its server signed it, for answers to key queries. */
  readonly document: JsonObject;
  readonly fetchedTs: number;
  /** Of the document; already capped. */
  readonly validUntilTs: number;
};

export type KeyDocumentReading =
  | { readonly valid: true; readonly stored: StoredKeys }
  | { readonly valid: false; readonly reason: string };

const isTimestamp = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

type ListedKey = readonly [keyId: string, key: string, details: JsonObject];

/** In one spelling, so that equal keys are equal texts. */
const readKey = (key: unknown): string | undefined => {
  const bytes = typeof key === 'string' ? decodeBase64(key) : undefined;
  return bytes?.length === 32 ? encodeBase64(bytes) : undefined;
};

/** The usable Ed25519 keys of `verify_keys` or `old_verify_keys`; what is malformed is left out. */
const readListedKeys = (list: unknown): ListedKey[] =>
  Object.entries(isObject(list) ? list : {})
    .slice(0, limits.keysPerServerMax)
    .flatMap(([keyId, details]) => {
      if (!/^ed25519:[A-Za-z0-9_]+$/.test(keyId) || !isObject(details)) return [];
      const key = readKey(details['key']);
      return key === undefined ? [] : [[keyId, key, details] as const];
    });

const refused = (reason: string): KeyDocumentReading => ({ valid: false, reason });

/** Whether the document carries a good signature of this published key; false also when it is no canonical JSON. */
export const isSignedBy = (
  document: JsonObject,
  serverName: string,
  keyId: string,
  key: string | KeyObject,
): boolean => {
  const publicKey = typeof key === 'string' ? publicKeyFromBase64(key) : key;
  try {
    return publicKey !== undefined && verifyJson(document, serverName, keyId, publicKey);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return false;
    throw error;
  }
};

/** Signed by at least one of its own current keys, and by none of them wrongly. */
const isSelfSigned = (document: JsonObject, serverName: string, listed: ListedKey[]): boolean => {
  const all = document['signatures'];
  const own = isObject(all) && Object.hasOwn(all, serverName) ? all[serverName] : undefined;
  const signing = listed.filter(([keyId]) => isObject(own) && Object.hasOwn(own, keyId));
  return (
    signing.length > 0 &&
    signing.every(([keyId, key]) => isSignedBy(document, serverName, keyId, key))
  );
};

/** Checks an answer of `/_matrix/key/v2/server`, or one entry of a notary's, and caps its times. */
// https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
export const readKeyDocument = (
  document: unknown,
  serverName: string,
  fetchedTs: number,
): KeyDocumentReading => {
  if (!isObject(document)) return refused('not an object');
  if (document['server_name'] !== serverName) return refused('another server_name');
  const validUntil = document['valid_until_ts'];
  if (!isTimestamp(validUntil)) return refused('no valid_until_ts');
  const current = readListedKeys(document['verify_keys']);
  if (!isSelfSigned(document, serverName, current)) return refused('not signed by its own keys');

  // A key leaked today must not count for years, whatever the document says.
  const validUntilTs = Math.min(validUntil, fetchedTs + limits.keyValidityMsMax);
  const old = readListedKeys(document['old_verify_keys']).flatMap(([keyId, key, details]) => {
    const expiredTs = details['expired_ts'];
    if (!isTimestamp(expiredTs)) return [];
    const stored = { key, validUntilTs: Math.min(expiredTs, fetchedTs), expired: true };
    return [[keyId, stored] as const];
  });
  const keys: Record<string, StoredKey> = Object.fromEntries([
    ...old,
    ...current.map(([keyId, key]) => [keyId, { key, validUntilTs, expired: false }] as const),
  ]);
  return { valid: true, stored: { serverName, keys, document, fetchedTs, validUntilTs } };
};

/** A notary may prolong a key, never change it nor bring an old one back. */
const keepsAgainstNotary = (known: StoredKey, fresh: StoredKey | undefined): boolean =>
  fresh === undefined ||
  known.expired ||
  known.key !== fresh.key ||
  known.validUntilTs >= fresh.validUntilTs;

/**
 * Adds a fresh document to what is known. Keys that a server no longer lists stay for the events they signed.
 * Straight from its server a document rules; by way of a notary it only adds and prolongs.
 */
export const mergeKeys = (
  known: StoredKeys | undefined,
  fresh: StoredKeys,
  from: 'server' | 'notary',
): StoredKeys => {
  if (known === undefined) return fresh;
  const kept = Object.entries(known.keys).filter(([keyId, key]) => {
    const listed = Object.hasOwn(fresh.keys, keyId) ? fresh.keys[keyId] : undefined;
    return from === 'server' ? listed === undefined : keepsAgainstNotary(key, listed);
  });
  const keys = Object.entries({ ...fresh.keys, ...Object.fromEntries(kept) })
    .sort(([, a], [, b]) => b.validUntilTs - a.validUntilTs)
    .slice(0, limits.keysPerServerMax);
  const newest = from === 'server' || fresh.validUntilTs > known.validUntilTs ? fresh : known;
  return { ...newest, keys: Object.fromEntries(keys) };
};
