const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const prefix = [0x8b, 0x01];
const keyBytes = 32;
const encodedCharactersMax = 64;

const toBase58 = (bytes: Uint8Array): string => {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = alphabet.charAt(Number(value % 58n)) + text;
  return text;
};

const fromBase58 = (text: string): Uint8Array | undefined => {
  let value = 0n;
  for (const character of text) {
    const digit = alphabet.indexOf(character);
    if (digit < 0) return undefined;
    value = value * 58n + BigInt(digit);
  }
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
};

const parityOf = (bytes: Uint8Array): number => bytes.reduce((parity, byte) => parity ^ byte, 0);

/** The form in which a person writes down a key of 32 bytes. */
// https://spec.matrix.org/v1.19/appendices/#cryptographic-key-representation
export const recoveryKey = {
  /** In groups of four characters. */
  encode: (key: Uint8Array): string => {
    const bytes = Uint8Array.of(...prefix, ...key);
    const text = toBase58(Uint8Array.of(...bytes, parityOf(bytes)));
    return (text.match(/.{1,4}/g) ?? []).join(' ');
  },

  /** The 32 bytes; undefined for anything else, such as a key with a slip of the pen. */
  decode: (text: string): Uint8Array<ArrayBuffer> | undefined => {
    const written = text.replace(/\s/g, '');
    if (written.length > encodedCharactersMax) return undefined;
    const bytes = fromBase58(written);
    if (bytes?.length !== prefix.length + keyBytes + 1) return undefined;
    if (prefix.some((byte, i) => bytes[i] !== byte) || parityOf(bytes) !== 0) return undefined;
    return new Uint8Array(bytes.subarray(prefix.length, -1));
  },
};
