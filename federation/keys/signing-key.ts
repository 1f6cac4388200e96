import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { decodeBase64, encodeBase64 } from '../json/unpadded-base64.ts';

export type SigningKey = {
  /** Algorithm and version, such as `ed25519:a_1`. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
  /** The raw 32 bytes in unpadded base64, as keys are published. */
  readonly publicKey: string;
};

// RFC 8410: what stands before the 32 raw bytes of an Ed25519 key in DER.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** An Ed25519 key from its 32 byte seed; `version` is the key id's part behind `ed25519:`. */
export const signingKeyFromSeed = (version: string, seed: Uint8Array): SigningKey => {
  if (seed.length !== 32) throw new RangeError('an Ed25519 seed has 32 bytes');
  const der = Buffer.concat([pkcs8Prefix, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = encodeBase64(spki.subarray(spkiPrefix.length));
  return { keyId: `ed25519:${version}`, privateKey, publicKey };
};

/** Reads a published Ed25519 key in either base64 alphabet; undefined when it is none. Import once and keep: it costs as much as a check. */
export const publicKeyFromBase64 = (text: string): KeyObject | undefined => {
  const raw = decodeBase64(text);
  if (raw?.length !== 32) return undefined;
  const key = Buffer.concat([spkiPrefix, raw]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
};
