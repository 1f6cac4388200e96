/** A DER value: its tag, its length in the shortest form, its content. */
const value = (tag: number, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const size = body.length.toString(16);
  const length =
    body.length < 128
      ? Buffer.from([body.length])
      : Buffer.from(size.padStart(size.length + (size.length % 2), '0'), 'hex');
  const header = body.length < 128 ? [tag] : [tag, 0x80 | length.length];
  return Buffer.concat([Buffer.from(header), length, body]);
};

const objectIdentifier = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift(0x80 | (left & 0x7f));
    return groups;
  });
  return value(0x06, Buffer.from(bytes));
};

/** Until 2049 certificates count years with two digits. */
// https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5
const time = (at: Date): Buffer => {
  const digits = at.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return at.getUTCFullYear() < 2050
    ? value(0x17, Buffer.from(digits.slice(2)))
    : value(0x18, Buffer.from(digits));
};

/** The writers of ASN.1 values that a certificate is made of (ITU-T X.690). */
export const der = {
  value,
  sequence: (...items: readonly Buffer[]): Buffer => value(0x30, ...items),
  set: (...items: readonly Buffer[]): Buffer => value(0x31, ...items),
  /** A positive integer from its big-endian bytes. */
  integer: (bytes: Buffer): Buffer =>
    value(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes),
  boolean: (is: boolean): Buffer => value(0x01, Buffer.from([is ? 0xff : 0])),
  bitString: (bytes: Buffer, unusedBits = 0): Buffer =>
    value(0x03, Buffer.from([unusedBits]), bytes),
  octetString: (bytes: Buffer): Buffer => value(0x04, bytes),
  utf8String: (text: string): Buffer => value(0x0c, Buffer.from(text)),
  objectIdentifier,
  time,
  /** A context-specific constructed value, `[tag]` in ASN.1. */
  tagged: (tag: number, ...items: readonly Buffer[]): Buffer => value(0xa0 | tag, ...items),
  /** A context-specific primitive value, `[tag] IMPLICIT` in ASN.1. */
  implicit: (tag: number, bytes: Buffer): Buffer => value(0x80 | tag, bytes),
};
