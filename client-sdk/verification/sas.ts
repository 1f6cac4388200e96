import {
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { canonicalJson, decodeBase64, encodeBase64, type JsonObject } from '@candor/federation';
import { type Emoji, emojiTable } from './emoji-table.ts';

/** A Curve25519 key pair of one verification; `publicKey` is unpadded base64. */
export type EphemeralKey = { readonly privateKey: KeyObject; readonly publicKey: string };
export type Party = { readonly userId: string; readonly deviceId: string };
/** What both people see and compare. */
export type ShortString = { readonly emoji: readonly Emoji[]; readonly decimal: readonly number[] };
/** Who talks to whom under which transaction: what every authentication code is bound to. */
export type MacDirection = { readonly from: Party; readonly to: Party; readonly id: string };
/** The content of `m.key.verification.mac`. */
export type Macs = { readonly mac: Readonly<Record<string, string>>; readonly keys: string };

// RFC 8410: what stands before the 32 raw bytes of an X25519 key in DER.
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');

const hmac = (key: Uint8Array, ...parts: (string | Uint8Array)[]): Buffer => {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};

// RFC 5869 without salt and for one block. Node's own refuses an `info` of more than 1024 bytes,
// which two long user ids and device ids can reach.
const hkdf = (secret: Uint8Array, info: string): Buffer =>
  hmac(hmac(Buffer.alloc(32), secret), info, Buffer.of(1));

const newKey = (): EphemeralKey => {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey: encodeBase64(spki.subarray(spkiPrefix.length)) };
};

const agree = (own: EphemeralKey, theirKey: string): Buffer | undefined => {
  const raw = decodeBase64(theirKey, { strict: true });
  if (raw?.length !== 32) return undefined;
  const der = Buffer.concat([spkiPrefix, raw]);
  try {
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return diffieHellman({ privateKey: own.privateKey, publicKey });
  } catch {
    // A point of small order, with which the secret would be known to everybody.
    return undefined;
  }
};

// https://spec.matrix.org/v1.19/client-server-api/#mkeyverificationaccept
const commitment = (publicKey: string, start: JsonObject): string =>
  encodeBase64(createHash('sha256').update(publicKey).update(canonicalJson(start)).digest());

const sidePart = ({ userId, deviceId }: Party, publicKey: string): string =>
  `${userId}|${deviceId}|${publicKey}|`;

/** `count` numbers of `bits` bits each, from the front of the bytes. */
const takeNumbers = (bytes: Uint8Array, bits: number, count: number): number[] => {
  const text = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return Array.from({ length: count }, (_, at) =>
    Number.parseInt(text.slice(at * bits, (at + 1) * bits), 2),
  );
};

// https://spec.matrix.org/v1.19/client-server-api/#sas-hkdf-calculation
const shortString = (
  secret: Uint8Array,
  starter: Party & { readonly publicKey: string },
  accepter: Party & { readonly publicKey: string },
  id: string,
): ShortString => {
  const sides = sidePart(starter, starter.publicKey) + sidePart(accepter, accepter.publicKey);
  const bytes = hkdf(secret, `MATRIX_KEY_VERIFICATION_SAS|${sides}${id}`);
  return {
    emoji: takeNumbers(bytes, 6, 7).flatMap((number) => emojiTable[number] ?? []),
    decimal: takeNumbers(bytes, 13, 3).map((number) => number + 1000),
  };
};

// https://spec.matrix.org/v1.19/client-server-api/#mac-calculation
const macOf = (
  secret: Uint8Array,
  { from, to, id }: MacDirection,
  keyId: string,
  text: string,
): Buffer => {
  const parties = from.userId + from.deviceId + to.userId + to.deviceId;
  return hmac(hkdf(secret, `MATRIX_KEY_VERIFICATION_MAC${parties}${id}${keyId}`), text);
};

const keyList = (keyIds: readonly string[]): string => keyIds.toSorted().join(',');

const macs = (
  secret: Uint8Array,
  direction: MacDirection,
  keys: ReadonlyMap<string, string>,
): Macs => {
  const mac = [...keys].map(([keyId, key]): [string, string] => [
    keyId,
    encodeBase64(macOf(secret, direction, keyId, key)),
  ]);
  const list = keyList([...keys.keys()]);
  return {
    mac: Object.fromEntries(mac),
    keys: encodeBase64(macOf(secret, direction, 'KEY_IDS', list)),
  };
};

const isSame = (expected: Buffer, given: string): boolean => {
  const bytes = decodeBase64(given);
  return bytes?.length === expected.length && timingSafeEqual(expected, bytes);
};

const check = (
  secret: Uint8Array,
  direction: MacDirection,
  { mac, keys }: Macs,
  known: ReadonlyMap<string, string>,
): string[] | undefined => {
  const given = Object.entries(mac);
  const list = keyList(given.map(([keyId]) => keyId));
  if (!isSame(macOf(secret, direction, 'KEY_IDS', list), keys)) return undefined;
  const verified: string[] = [];
  for (const [keyId, code] of given) {
    const key = known.get(keyId);
    if (key === undefined) continue;
    if (!isSame(macOf(secret, direction, keyId, key), code)) return undefined;
    verified.push(keyId);
  }
  return verified;
};

/** The cryptography of short authentication strings: `curve25519-hkdf-sha256`, `hkdf-hmac-sha256.v2`. */
// https://spec.matrix.org/v1.19/client-server-api/#short-authentication-string-sas-verification
export const sas = {
  newKey,
  /** The shared secret; undefined when theirs is no public key in unpadded base64. */
  agree,
  /** What binds the accepting side to its key before it sees the other; throws for what is no canonical JSON. */
  commitment,
  shortString,
  /** Codes over these keys (by key id) and over the list of their ids. */
  macs,
  /** The ids of `known` that the codes prove; undefined when any code is wrong. Unknown ids prove nothing. */
  check,
};
