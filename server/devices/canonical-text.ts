import { CanonicalJsonError, canonicalJson } from '@candor/federation';

/** Canonical JSON of at most `bytesMax`; undefined for what cannot be signed or is too long. */
export const canonicalText = (value: unknown, bytesMax: number): string | undefined => {
  try {
    const text = canonicalJson(value);
    return Buffer.byteLength(text) <= bytesMax ? text : undefined;
  } catch (error) {
    if (error instanceof CanonicalJsonError) return undefined;
    throw error;
  }
};
