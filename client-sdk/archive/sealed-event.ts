import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { encodeBase64, encodeBase64Url, type JsonObject } from '@candor/federation';
import { base64Bytes } from '../signal/base64-bytes.ts';
import { memberOf } from '../signal/member-of.ts';
import { type Envelope, plaintext } from '../signal/plaintext.ts';
import { type ArchiveKeys, archiveAlgorithm, rawX25519 } from './archive-keys.ts';

/** Which event something was sealed for; it opens for no other. */
export type SealedFor = {
  /** Whose archive it is. */
  readonly userId: string;
  readonly roomId: string;
  readonly eventId: string;
  readonly sender: string;
};

const tagBytes = 16;

const withLength = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const contextOf = ({ userId, roomId, eventId, sender }: SealedFor): Buffer =>
  Buffer.concat([
    Buffer.from(archiveAlgorithm),
    ...[userId, roomId, eventId, sender].map(withLength),
  ]);

/** Key and nonce for one event: both halves of the exchange and the sealing key are in it. */
const keyFor = (
  keys: ArchiveKeys,
  exchange: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
  ephemeral: Uint8Array,
) => {
  const info = Buffer.concat([Buffer.from(`${archiveAlgorithm}.event`), ephemeral, keys.publicKey]);
  const agreed = diffieHellman(exchange);
  const bytes = Buffer.from(hkdfSync('sha256', agreed, keys.sealingKey, info, 44));
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32) };
};

/** One event's plaintext as it lies in the archive. */
export const sealedEvent = {
  /** The session id an event has in the backup; the server does not learn the event's id from it. */
  idOf: ({ idKey }: ArchiveKeys, roomId: string, eventId: string): string =>
    encodeBase64Url(
      createHmac('sha256', idKey).update(withLength(roomId)).update(withLength(eventId)).digest(),
    ),

  /** The `session_data` of an event. */
  seal: (keys: ArchiveKeys, sealedFor: SealedFor, envelope: Envelope): JsonObject => {
    const pair = generateKeyPairSync('x25519');
    const ephemeral = rawX25519.publicBytes(pair.publicKey);
    const exchange = {
      privateKey: pair.privateKey,
      publicKey: rawX25519.publicKey(keys.publicKey),
    };
    const { key, nonce } = keyFor(keys, exchange, ephemeral);
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes });
    const bytes = plaintext.write(envelope);
    cipher.setAAD(contextOf(sealedFor), { plaintextLength: bytes.length });
    const sealed = [cipher.update(bytes), cipher.final(), cipher.getAuthTag()];
    return {
      ephemeral: encodeBase64(ephemeral),
      ciphertext: encodeBase64(Buffer.concat(sealed)),
    };
  },

  /** The plaintext; undefined unless it was sealed by a device with the archive's key for exactly this event. */
  open: (keys: ArchiveKeys, sealedFor: SealedFor, sealed: unknown): Envelope | undefined => {
    const ephemeral = base64Bytes(memberOf(sealed, 'ephemeral'));
    const ciphertext = base64Bytes(memberOf(sealed, 'ciphertext'));
    if (ephemeral?.length !== 32 || !ciphertext || ciphertext.length < tagBytes) return undefined;
    try {
      const { privateKey } = keys;
      const exchange = { privateKey, publicKey: rawX25519.publicKey(ephemeral) };
      const { key, nonce } = keyFor(keys, exchange, ephemeral);
      const decipher = createDecipheriv('chacha20-poly1305', key, nonce, {
        authTagLength: tagBytes,
      });
      decipher.setAAD(contextOf(sealedFor), { plaintextLength: ciphertext.length - tagBytes });
      decipher.setAuthTag(ciphertext.subarray(-tagBytes));
      const bytes = [decipher.update(ciphertext.subarray(0, -tagBytes)), decipher.final()];
      const envelope = plaintext.read(Buffer.concat(bytes));
      const { roomId, sender } = sealedFor;
      return envelope?.room_id === roomId && envelope.sender === sender ? envelope : undefined;
    } catch {
      // A key of no use to the exchange, or a tag that does not fit.
      return undefined;
    }
  },
};
