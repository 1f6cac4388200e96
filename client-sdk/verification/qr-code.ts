import { encodeBase64 } from '@candor/federation';

/** What a code is shown for: another user, or one's own user by a device that trusts the master key or not yet. */
export type QrMode = 'other-user' | 'own-trusting' | 'own-not-trusting';

/** The content of a code; keys are unpadded base64. */
export type QrCode = {
  readonly mode: QrMode;
  /** The transaction id, or the event id of the request. */
  readonly id: string;
  readonly firstKey: string;
  readonly secondKey: string;
  readonly secret: Uint8Array;
};

const mark = Buffer.from('MATRIX');
const version = 2;
const modes: readonly QrMode[] = ['other-user', 'own-trusting', 'own-not-trusting'];
const keyBytes = 32;
const secretBytesMin = 8;
const headBytes = mark.length + 4;

/** The bytes inside the QR codes of key verification; they go into one segment in byte mode. */
// https://spec.matrix.org/v1.19/client-server-api/#qr-code-format
export const qrCode = {
  write: ({ mode, id, firstKey, secondKey, secret }: QrCode): Uint8Array => {
    const idBytes = Buffer.from(id);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(idBytes.length);
    const keys = [firstKey, secondKey].map((key) => Buffer.from(key, 'base64'));
    const head = Buffer.of(version, modes.indexOf(mode));
    return new Uint8Array(Buffer.concat([mark, head, length, idBytes, ...keys, secret]));
  },

  /** Undefined for bytes that are no such code. */
  read: (bytes: Uint8Array): QrCode | undefined => {
    const buffer = Buffer.from(bytes);
    if (buffer.length < headBytes || !buffer.subarray(0, mark.length).equals(mark)) {
      return undefined;
    }
    const mode = modes[buffer.readUInt8(mark.length + 1)];
    if (buffer.readUInt8(mark.length) !== version || mode === undefined) return undefined;
    const idEnd = headBytes + buffer.readUInt16BE(mark.length + 2);
    const [firstEnd, secondEnd] = [idEnd + keyBytes, idEnd + 2 * keyBytes];
    if (buffer.length < secondEnd + secretBytesMin) return undefined;
    return {
      mode,
      id: buffer.toString('utf8', headBytes, idEnd),
      firstKey: encodeBase64(buffer.subarray(idEnd, firstEnd)),
      secondKey: encodeBase64(buffer.subarray(firstEnd, secondEnd)),
      secret: new Uint8Array(buffer.subarray(secondEnd)),
    };
  },
};
