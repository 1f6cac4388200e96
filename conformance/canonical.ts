import { createPublicKey, verify } from 'node:crypto';

/** Canonical JSON, written here again so that checks do not lean on the code they check. */
// https://spec.matrix.org/v1.19/appendices/#canonical-json
const canonicalText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  // By code point, which for the keys that are signed here is the order of UTF-16.
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalText(one)}`).join(',')}}`;
};

type Signed = {
  readonly signatures?: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

const ed25519Header = Buffer.from('302a300506032b6570032100', 'hex');

/** Whether `signer` signed the object with this Ed25519 key (unpadded base64). */
// https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature
export const isSignedBy = (
  object: object,
  signer: string,
  keyId: string,
  publicKey: string,
): boolean => {
  const { signatures, unsigned: _, ...rest } = object as Signed & { unsigned?: unknown };
  const signature = signatures?.[signer]?.[keyId];
  if (signature === undefined) return false;
  const der = Buffer.concat([ed25519Header, Buffer.from(publicKey, 'base64')]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return verify(null, Buffer.from(canonicalText(rest)), key, Buffer.from(signature, 'base64'));
};
