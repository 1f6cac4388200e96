import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
import { encodeBase64 } from '@candor/federation';

/** What the archive's secret gives: everything else about its keys is derived from those 32 bytes. */
export type ArchiveKeys = {
  /** Opens what was sealed. */
  readonly privateKey: KeyObject;
  /** Raw X25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The same as it stands in the backup's public data. */
  readonly publicKeyText: string;
  /** Goes into every sealing, so that nobody seals who has only the public key. */
  readonly sealingKey: Uint8Array;
  /** Makes the ids under which the server keeps messages. */
  readonly idKey: Uint8Array;
};

// RFC 8410: what stands before the 32 raw bytes of an X25519 key in DER.
const pkcs8Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');

/** The name of the backup's algorithm and of the secret; each derivation has it in front. */
export const archiveAlgorithm = 'dev.candor.archive.v1';

const derived = (secret: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, new Uint8Array(32), `${archiveAlgorithm}.${purpose}`, 32));

/** X25519 public keys as their 32 bytes. */
export const rawX25519 = {
  publicBytes: (key: KeyObject): Uint8Array =>
    key.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length),
  publicKey: (bytes: Uint8Array): KeyObject =>
    createPublicKey({ key: Buffer.concat([spkiPrefix, bytes]), format: 'der', type: 'spki' }),
};

/** The keys of an archive from its secret of 32 bytes. */
export const archiveKeys = (secret: Uint8Array): ArchiveKeys => {
  if (secret.length !== 32) throw new RangeError('the secret of an archive has 32 bytes');
  const key = Buffer.concat([pkcs8Prefix, derived(secret, 'private')]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const publicKey = rawX25519.publicBytes(createPublicKey(privateKey));
  return {
    privateKey,
    publicKey,
    publicKeyText: encodeBase64(publicKey),
    sealingKey: derived(secret, 'sealing'),
    idKey: derived(secret, 'id'),
  };
};
