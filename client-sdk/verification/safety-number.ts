import { decodeBase64 } from '@candor/federation';
import { ed25519 } from '@noble/curves/ed25519.js';
import { fingerprintOf, type SafetyNumber } from '../signal/fingerprint.ts';

/** A user with their cross-signing master key (Ed25519, base64 as published). */
export type MasterKeyOf = { readonly userId: string; readonly masterKey: string };

const partyOf = ({ userId, masterKey }: MasterKeyOf) => {
  const raw = decodeBase64(masterKey);
  if (raw?.length !== 32) throw new RangeError('a master key has 32 bytes');
  // libsignal's fingerprints are over Curve25519 keys. Only P and -P meet there, and one owner has both.
  return { userId, key: ed25519.utils.toMontgomery(new Uint8Array(raw)) };
};

/** The safety number of two users; throws when a key is no Ed25519 public key. */
export const safetyNumber = (own: MasterKeyOf, other: MasterKeyOf): SafetyNumber =>
  fingerprintOf(partyOf(own), partyOf(other));
