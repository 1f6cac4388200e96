import { errors } from 'undici';
import { RefusedAddressError } from './address-filter.ts';

export type PeerErrorKind =
  /** No connection, or one with a wrong certificate, or one that broke off. */
  | 'unreachable'
  | 'timeout'
  /** Every address of the peer lies in a range we do not connect to. */
  | 'refused-address'
  /** Our own allow and deny lists exclude the peer. */
  | 'denied'
  /** Any answer outside 2xx; redirects too, for they are never followed. */
  | 'status'
  | 'bad-answer'
  | 'too-large';

export type PeerErrorDetails = {
  readonly status?: number;
  readonly errcode?: string;
  readonly retryAfterMs?: number;
  /** Of the room, where the peer refuses because of it. */
  readonly roomVersion?: string;
  readonly cause?: unknown;
};

/** Why a request to another server failed; the one error that `PeerClient` throws, except the caller's own abort. */
export class PeerError extends Error {
  readonly kind: PeerErrorKind;
  readonly status: number | undefined;
  readonly errcode: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly roomVersion: string | undefined;

  constructor(kind: PeerErrorKind, text: string, details: PeerErrorDetails = {}) {
    super(text, { cause: details.cause });
    this.name = 'PeerError';
    this.kind = kind;
    this.status = details.status;
    this.errcode = details.errcode;
    this.retryAfterMs = details.retryAfterMs;
    this.roomVersion = details.roomVersion;
  }
}

const isTimeout = (error: unknown): boolean =>
  error instanceof errors.ConnectTimeoutError ||
  error instanceof errors.HeadersTimeoutError ||
  error instanceof errors.BodyTimeoutError ||
  (error instanceof Error && error.name === 'TimeoutError');

/** Node adds advice on its own options to what is wrong with a certificate; ours are other ones. */
const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/; if the root CA is .*$/s, '') : String(error);

/** Sorts what the sockets, TLS and HTTP layers throw into the kinds above. */
export const toPeerError = (error: unknown, destination: string): PeerError => {
  if (error instanceof PeerError) return error;
  const text = `${destination}: ${messageOf(error)}`;
  if (error instanceof RefusedAddressError) {
    return new PeerError('refused-address', text, { cause: error });
  }
  if (isTimeout(error)) return new PeerError('timeout', text, { cause: error });
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return new PeerError('bad-answer', text, { cause: error });
  }
  return new PeerError('unreachable', text, { cause: error });
};
