import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { encodeBase64Url, isObject, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { base64Bytes } from '../signal/base64-bytes.ts';
import { memberOf } from '../signal/member-of.ts';
import { aesHmacSha2 } from './aes-hmac-sha2.ts';
import { recoveryKey } from './recovery-key.ts';

const algorithm = 'm.secret_storage.v1.aes-hmac-sha2';
const derive = promisify(pbkdf2);

/** A key of secret storage, opened. */
export type StorageKey = {
  readonly keyId: string;
  readonly key: Uint8Array;
  /** Its description has a MAC, and the key fits it: no server made up how it is derived. */
  readonly isProven: boolean;
};

type PassphraseRule = { readonly salt: string; readonly iterations: number; readonly bits: number };

// https://spec.matrix.org/v1.19/client-server-api/#deriving-keys-from-passphrases
const fromPassphrase = async (passphrase: string, { salt, iterations, bits }: PassphraseRule) =>
  new Uint8Array(await derive(passphrase, salt, iterations, bits / 8, 'sha512'));

const ruleOf = (description: JsonObject): PassphraseRule | undefined => {
  const rule = description['passphrase'];
  if (!isObject(rule) || rule['algorithm'] !== 'm.pbkdf2') return undefined;
  const { salt, iterations, bits = 256 } = rule;
  if (typeof salt !== 'string' || typeof iterations !== 'number' || typeof bits !== 'number') {
    return undefined;
  }
  const isSound =
    Number.isSafeInteger(iterations) &&
    iterations > 0 &&
    iterations <= limits.passphraseIterationsMax &&
    [128, 256, 512].includes(bits);
  return isSound ? { salt, iterations, bits } : undefined;
};

const fits = (key: Uint8Array, description: JsonObject): 'fits' | 'differs' | 'unknown' => {
  const [iv, mac] = ['iv', 'mac'].map((part) => base64Bytes(memberOf(description, part)));
  if (!iv || !mac) return 'unknown';
  if (iv.length !== 16 || mac.length !== 32) return 'differs';
  const made = base64Bytes(aesHmacSha2.check(key, iv).mac);
  return made && timingSafeEqual(made, mac) ? 'fits' : 'differs';
};

/** Keys of secret storage, and the descriptions by which they are found and checked. */
export const storageKey = {
  /** A new key, random or from a passphrase, and its description for the account data. */
  create: async (
    passphrase: string | undefined,
  ): Promise<StorageKey & { readonly description: JsonObject }> => {
    const rule = {
      salt: encodeBase64Url(randomBytes(24)),
      iterations: limits.passphraseIterations,
      bits: 256,
    };
    const key =
      passphrase === undefined
        ? new Uint8Array(randomBytes(32))
        : await fromPassphrase(passphrase, rule);
    return {
      keyId: encodeBase64Url(randomBytes(24)),
      key,
      isProven: true,
      description: {
        algorithm,
        ...aesHmacSha2.check(key),
        ...(passphrase !== undefined && { passphrase: { algorithm: 'm.pbkdf2', ...rule } }),
      },
    };
  },

  /** Opens a described key with what the person typed, its recovery key or passphrase; undefined when it is neither. */
  open: async (
    keyId: string,
    description: JsonObject,
    typed: string,
  ): Promise<StorageKey | undefined> => {
    if (description['algorithm'] !== algorithm) return undefined;
    const rule = ruleOf(description);
    const written = recoveryKey.decode(typed);
    const candidates = [
      ...(written ? [() => Promise.resolve(written)] : []),
      ...(rule ? [() => fromPassphrase(typed, rule)] : []),
    ];
    for (const candidate of candidates) {
      const key = await candidate();
      const verdict = fits(key, description);
      if (verdict !== 'differs') return { keyId, key, isProven: verdict === 'fits' };
    }
    return undefined;
  },
};
