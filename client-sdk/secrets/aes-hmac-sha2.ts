import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { encodeBase64, type JsonObject } from '@candor/federation';
import { base64Bytes } from '../signal/base64-bytes.ts';
import { memberOf } from '../signal/member-of.ts';

const keysFor = (key: Uint8Array, name: string) => {
  const bytes = Buffer.from(hkdfSync('sha256', key, new Uint8Array(32), name, 64));
  return { aes: bytes.subarray(0, 32), mac: bytes.subarray(32) };
};

const macOf = (key: Uint8Array, bytes: Uint8Array): Buffer =>
  createHmac('sha256', key).update(bytes).digest();

const newIv = (): Uint8Array<ArrayBuffer> => {
  const iv = new Uint8Array(randomBytes(16));
  // Bit 63 is 0: implementations of AES-CTR differ in how far they count.
  iv[8] = (iv[8] ?? 0) & 0x7f;
  return iv;
};

const encrypt = (key: Uint8Array, name: string, text: Uint8Array, iv: Uint8Array) => {
  const { aes, mac } = keysFor(key, name);
  const cipher = createCipheriv('aes-256-ctr', aes, iv);
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final()]);
  return { ciphertext, mac: macOf(mac, ciphertext) };
};

const zeros = new Uint8Array(32);

/** The algorithm `m.secret_storage.v1.aes-hmac-sha2`. */
// https://spec.matrix.org/v1.19/client-server-api/#msecret_storagev1aes-hmac-sha2
export const aesHmacSha2 = {
  /** Seals a secret under its name. */
  seal: (key: Uint8Array, name: string, secret: string): JsonObject => {
    const iv = newIv();
    const { ciphertext, mac } = encrypt(key, name, Buffer.from(secret), iv);
    return {
      iv: encodeBase64(iv),
      ciphertext: encodeBase64(ciphertext),
      mac: encodeBase64(mac),
    };
  },

  /** The secret; undefined for another key or name, and for what was changed. */
  open: (key: Uint8Array, name: string, sealed: unknown): string | undefined => {
    const [iv, ciphertext, mac] = ['iv', 'ciphertext', 'mac'].map((part) =>
      base64Bytes(memberOf(sealed, part)),
    );
    if (iv?.length !== 16 || !ciphertext || mac?.length !== 32) return undefined;
    const keys = keysFor(key, name);
    if (!timingSafeEqual(macOf(keys.mac, ciphertext), mac)) return undefined;
    const decipher = createDecipheriv('aes-256-ctr', keys.aes, iv);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString();
  },

  /** `iv` and `mac` of a key's description, by which it is known again. */
  check: (key: Uint8Array, iv: Uint8Array = newIv()): { iv: string; mac: string } => {
    const { mac } = encrypt(key, '', zeros, iv);
    return { iv: encodeBase64(iv), mac: encodeBase64(mac) };
  },
};
