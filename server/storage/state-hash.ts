import { createHash } from 'node:crypto';

const modulus = 1n << 128n;

/** The share of one event in the hash of a state set: shares are added, so neither order nor history matters. */
export const stateHashShare = (eventId: string): bigint =>
  BigInt(`0x${createHash('sha256').update(eventId).digest('hex').slice(0, 32)}`);

/** The hash of a state set after one entry has changed. */
export const changeStateHash = (hash: bigint, removed?: string, added?: string): bigint => {
  const less = removed === undefined ? hash : hash - stateHashShare(removed) + modulus;
  return (added === undefined ? less : less + stateHashShare(added)) % modulus;
};

export const stateHashBytes = (hash: bigint): Buffer =>
  Buffer.from(hash.toString(16).padStart(32, '0'), 'hex');

export const readStateHash = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
