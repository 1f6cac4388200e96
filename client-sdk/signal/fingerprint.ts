import { Fingerprint, PublicKey, ScannableFingerprint } from '@signalapp/libsignal-client';

export type FingerprintParty = {
  readonly userId: string;
  /** The identity key in Montgomery form, 32 bytes. */
  readonly key: Uint8Array;
};

const fingerprintVersion = 2;
const iterations = 5_200;
const djbKeyType = 0x05;

const publicKey = (key: Uint8Array): PublicKey =>
  PublicKey.deserialize(Uint8Array.of(djbKeyType, ...key));

const idBytes = (userId: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(userId);

export type SafetyNumber = {
  /** 60 digits to compare by eye or voice; the same for both users. */
  readonly digits: string;
  /** What a QR code carries; the two sides' bytes differ, compare them with `matches`. */
  readonly scannable: Uint8Array;
  /** Whether bytes scanned from the other user's screen belong to the same two keys. */
  matches(scanned: Uint8Array): boolean;
};

/** libsignal's fingerprint of two parties; user ids are hashed in as UTF-8. */
export const fingerprintOf = (own: FingerprintParty, other: FingerprintParty): SafetyNumber => {
  const fingerprint = Fingerprint.new(
    iterations,
    fingerprintVersion,
    idBytes(own.userId),
    publicKey(own.key),
    idBytes(other.userId),
    publicKey(other.key),
  );
  const scannable = fingerprint.scannableFingerprint();
  return {
    digits: fingerprint.displayableFingerprint().toString(),
    scannable: scannable.toBuffer(),
    matches: (scanned) => {
      try {
        return scannable.compare(ScannableFingerprint._fromBuffer(new Uint8Array(scanned)));
      } catch {
        return false;
      }
    },
  };
};
