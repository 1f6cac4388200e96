/** A field of a Protocol Buffers message: all of it, and its value when that is of delimited length. */
export type Field = {
  readonly field: number;
  readonly raw: Uint8Array;
  readonly bytes?: Uint8Array;
};

/** The fields of a message, in their order; undefined when it is none. */
// https://protobuf.dev/programming-guides/encoding/
export const fieldsOf = (message: Uint8Array): Field[] | undefined => {
  const fields: Field[] = [];
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 128 || at > message.length) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = readVarint();
    const kind = tag % 8;
    let bytes: Uint8Array | undefined;
    if (kind === 0) readVarint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = readVarint();
      bytes = message.subarray(at, at + length);
      at += length;
    } else return undefined;
    const raw = message.subarray(start, at);
    fields.push({ field: Math.floor(tag / 8), raw, ...(bytes && { bytes }) });
  }
  return at === message.length ? fields : undefined;
};

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];

/** A field whose value is these bytes. */
export const delimited = (field: number, bytes: Uint8Array): Uint8Array =>
  Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length), ...bytes]);

/** The message with another value at a path of field numbers. */
export const withValueAt = (
  message: Uint8Array,
  [first = 0, ...rest]: readonly number[],
  value: Uint8Array,
): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Buffer.concat(
      (fieldsOf(message) ?? []).map(({ field, raw, bytes }) => {
        if (field !== first || !bytes) return raw;
        return delimited(field, rest.length === 0 ? value : withValueAt(bytes, rest, value));
      }),
    ),
  );
