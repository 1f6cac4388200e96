import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decodeBase64, encodeBase64, encodeBase64Url, type JsonObject } from '@candor/federation';
import { memberOf } from '../signal/member-of.ts';

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What an event says about an encrypted file: where it is, its key, and the hash of its ciphertext. */
// https://spec.matrix.org/v1.19/client-server-api/#extensions-to-mroommessage-msgtypes
export type EncryptedFile = {
  readonly url: string;
  readonly v: 'v2';
  readonly key: {
    readonly kty: 'oct';
    readonly key_ops: readonly ['encrypt', 'decrypt'];
    readonly alg: 'A256CTR';
    readonly k: string;
    readonly ext: true;
  };
  readonly iv: string;
  readonly hashes: { readonly sha256: string };
};

const algorithm = 'aes-256-ctr';

/**
 * Encrypts a file while it is read, under a key of its own. Upload `ciphertext` with the content
 * type `application/octet-stream` and no file name; when it is read to its end, `file(url)` gives
 * what goes, with name, type and size, into the encrypted event.
 */
// https://spec.matrix.org/v1.19/client-server-api/#sending-encrypted-attachments
export const encryptAttachment = (plain: Chunks) => {
  const key = randomBytes(32);
  // The lower half of the counter block starts at zero, as other clients expect.
  const iv = Buffer.concat([randomBytes(8), Buffer.alloc(8)]);
  const cipher = createCipheriv(algorithm, key, iv);
  const hash = createHash('sha256');
  let sha256: string | undefined;
  const ciphertext = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of plain) {
      const encrypted = cipher.update(chunk);
      hash.update(encrypted);
      yield encrypted;
    }
    sha256 = encodeBase64(hash.digest());
  };
  return {
    ciphertext: ciphertext(),
    file: (url: string): EncryptedFile => {
      if (sha256 === undefined) throw new Error('the file has not been read to its end');
      return {
        url,
        v: 'v2',
        key: {
          kty: 'oct',
          key_ops: ['encrypt', 'decrypt'],
          alg: 'A256CTR',
          k: encodeBase64Url(key),
          ext: true,
        },
        iv: encodeBase64(iv),
        hashes: { sha256 },
      };
    },
  };
};

const bytesOf = (value: unknown, length: number, name: string): Buffer => {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined;
  if (bytes?.length !== length) throw new Error(`the encrypted file has no valid ${name}`);
  return bytes;
};

/** Decrypts as it is read and throws at the end when the ciphertext is not the one that was sent. */
const decrypted = async function* (
  ciphertext: Chunks,
  file: JsonObject,
): AsyncGenerator<Uint8Array> {
  if (file['v'] !== 'v2' || memberOf(file['key'], 'alg') !== 'A256CTR') {
    throw new Error('the encrypted file has an unknown version or algorithm');
  }
  const key = bytesOf(memberOf(file['key'], 'k'), 32, 'key');
  const iv = bytesOf(file['iv'], 16, 'iv');
  const sha256 = bytesOf(memberOf(file['hashes'], 'sha256'), 32, 'hash');
  const decipher = createDecipheriv(algorithm, key, iv);
  const hash = createHash('sha256');
  for await (const chunk of ciphertext) {
    hash.update(chunk);
    yield decipher.update(chunk);
  }
  if (!hash.digest().equals(sha256)) throw new Error('the encrypted file was changed on its way');
};

/** The plaintext of a small file; throws when it is larger than `bytesMax` or its hash differs. */
export const decryptAttachment = async (
  ciphertext: Chunks,
  file: JsonObject,
  bytesMax: number,
): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of decrypted(ciphertext, file)) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error('the encrypted file is larger than allowed');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** Decrypts into a file that gets its name only once the hash was right. */
export const decryptAttachmentTo = async (
  path: string,
  ciphertext: Chunks,
  file: JsonObject,
): Promise<void> => {
  const unchecked = `${path}.unchecked`;
  try {
    await pipeline(
      Readable.from(decrypted(ciphertext, file)),
      createWriteStream(unchecked, { mode: 0o600 }),
    );
    await rename(unchecked, path);
  } catch (error) {
    await rm(unchecked, { force: true });
    throw error;
  }
};
