import { createHash } from 'node:crypto';

/** The hash a room event names a part by: SHA-256 of the part's body, in padded base64. */
export const partHash = (body: string): string =>
  createHash('sha256').update(body).digest('base64');
