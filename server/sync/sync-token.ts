import { MatrixError } from '@candor/spec';
import type { StreamPosition } from '../storage/stream-clock.ts';

/** Where a client stands in the stream. */
export type SyncToken = {
  readonly position: StreamPosition;
  /** To-device messages reach the client in portions, so that it may be further back with them. */
  readonly toDevice: StreamPosition;
};

/** `s{position}`, or `s{position}_{toDevice}` where they differ. */
export const writeSyncToken = ({ position, toDevice }: SyncToken): string =>
  toDevice === position ? `s${position}` : `s${position}_${toDevice}`;

/** Throws M_INVALID_PARAM. */
export const readSyncToken = (text: string): SyncToken => {
  const match = /^s(\d{1,16})(?:_(\d{1,16}))?$/.exec(text);
  if (!match) throw new MatrixError('M_INVALID_PARAM', 'since: not a token of /sync');
  const position = Number(match[1]);
  return { position, toDevice: match[2] === undefined ? position : Number(match[2]) };
};
