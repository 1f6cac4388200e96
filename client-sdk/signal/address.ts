import { createHash } from 'node:crypto';
import { ProtocolAddress } from '@signalapp/libsignal-client';

const withLength = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/**
 * The UUID (version 8) a Matrix device has in libsignal. Always a UUID: only for such names does
 * libsignal bind sender and recipient into each message's MAC.
 */
export const addressOf = (userId: string, deviceId: string): string => {
  const hash = createHash('sha256')
    .update('dev.candor.address')
    .update(withLength(userId))
    .update(withLength(deviceId))
    .digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex', 0, 16);
  return [8, 12, 16, 20, 32].map((end, i, ends) => hex.slice(ends[i - 1] ?? 0, end)).join('-');
};

/** libsignal's form of an address; the Matrix device is inside the UUID, so its device is always 1. */
export const protocolAddress = (address: string): ProtocolAddress =>
  ProtocolAddress.new(address, 1);
