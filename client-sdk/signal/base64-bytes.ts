import { decodeBase64 } from '@candor/federation';

/** Bytes of a base64 text from the wire; undefined for anything else. libsignal wants plain arrays. */
export const base64Bytes = (value: unknown): Uint8Array<ArrayBuffer> | undefined => {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined;
  return bytes && new Uint8Array(bytes);
};
