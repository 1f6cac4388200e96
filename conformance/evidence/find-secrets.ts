/** Something that must not be found, with the name it is reported by. */
export type Secret = { readonly name: string; readonly bytes: Uint8Array };

/** Something that is searched. */
export type Material = { readonly name: string; readonly bytes: Uint8Array };

type Form = { readonly secret: string; readonly as: string; readonly bytes: Buffer };

const windowBytes = 8;

/**
 * How the bytes look in base64 inside something larger: what stands before them shifts the groups of three, so each of
 * the three shifts has its own text, less the characters that neighbours take part in.
 */
const base64Forms = (bytes: Uint8Array, encoding: 'base64' | 'base64url'): Buffer[] =>
  [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString(encoding)
      .replace(/=+$/, '');
    const first = Math.ceil((shift * 8) / 6);
    const whole = Math.floor(((shift + bytes.length) * 8) / 6);
    return Buffer.from(text.slice(first, whole));
  });

const formsOf = ({ name: secret, bytes }: Secret): Form[] => {
  const hex = Buffer.from(bytes).toString('hex');
  const forms: Form[] = [
    { secret, as: 'raw', bytes: Buffer.from(bytes) },
    { secret, as: 'hexadecimal', bytes: Buffer.from(hex) },
    { secret, as: 'hexadecimal', bytes: Buffer.from(hex.toUpperCase()) },
    ...base64Forms(bytes, 'base64').map((text) => ({ secret, as: 'base64', bytes: text })),
    ...base64Forms(bytes, 'base64url').map((text) => ({ secret, as: 'base64url', bytes: text })),
  ];
  return forms.filter((form) => form.bytes.length >= windowBytes);
};

const filterBits = 22;
const slotOf = (window: number): number => Math.imul(window, 0x9e3779b1) >>> (32 - filterBits);

/**
 * Searches all materials for all secrets at once: raw, in hexadecimal, in base64 and base64url at every alignment. A
 * secret needs 8 bytes. Says where each was found; an empty list when none was.
 */
export const findSecrets = (
  materials: readonly Material[],
  secrets: readonly Secret[],
): string[] => {
  for (const { name, bytes } of secrets)
    if (bytes.length < windowBytes) throw new Error(`${name} is too short to be searched for`);
  // The first four bytes choose the forms to compare with; the filter spares the look-up.
  const byWindow = new Map<number, Form[]>();
  const filter = new Uint8Array(2 ** filterBits);
  for (const form of secrets.flatMap(formsOf)) {
    const window = form.bytes.readUInt32BE(0);
    filter[slotOf(window)] = 1;
    byWindow.set(window, [...(byWindow.get(window) ?? []), form]);
  }
  const found = new Set<string>();
  for (const { name, bytes } of materials) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let window = 0;
    for (let at = 0; at < buffer.length; at += 1) {
      window = (window << 8) | (buffer[at] ?? 0);
      if (filter[slotOf(window)] === 0 || at < 3) continue;
      for (const form of byWindow.get(window >>> 0) ?? [])
        if (buffer.subarray(at - 3, at - 3 + form.bytes.length).equals(form.bytes))
          found.add(`${form.secret} is in ${name} (${form.as}, at byte ${at - 3})`);
    }
  }
  return [...found];
};
