import { type KeyObject, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeBase64 } from '../json/unpadded-base64.ts';

const verifyOnPool = promisify(verify);

/** Checks an Ed25519 signature in base64 on the thread pool; false for malformed ones. */
export const verifySignature = async (
  signedBytes: Uint8Array,
  signature: string,
  publicKey: KeyObject,
): Promise<boolean> => {
  const bytes = decodeBase64(signature);
  return bytes?.length === 64 && verifyOnPool(null, signedBytes, publicKey, bytes);
};
