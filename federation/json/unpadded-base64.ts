/** Standard alphabet, no padding. */
// https://spec.matrix.org/v1.19/appendices/#unpadded-base64
export const encodeBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('base64')
    .replace(/=+$/, '');

/** URL-safe alphabet, no padding. */
export const encodeBase64Url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');

const anyBase64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * Either alphabet, with or without padding; undefined for anything else.
 * `strict` accepts only what `encodeBase64` writes, so that one value has one spelling.
 */
export const decodeBase64 = (
  text: string,
  { strict = false }: { readonly strict?: boolean } = {},
): Buffer | undefined => {
  if (!anyBase64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (strict && encodeBase64(bytes) !== text) return undefined;
  return bytes;
};
