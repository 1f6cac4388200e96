import { CanonicalJsonError, canonicalJson } from '@candor/federation';
import { limits } from '@candor/spec';

/** Canonical JSON of at most `bytesMax`; undefined for what is too long or cannot be signed, as a part of a transaction neither. */
export const canonicalText = (value: unknown, bytesMax: number): string | undefined => {
  try {
    const text = canonicalJson(value, limits.eventJsonDepthMax);
    return Buffer.byteLength(text) <= bytesMax ? text : undefined;
  } catch (error) {
    if (error instanceof CanonicalJsonError) return undefined;
    throw error;
  }
};
