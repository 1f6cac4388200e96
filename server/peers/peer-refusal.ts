import { PeerError } from '@candor/federation/transport';
import { type ErrorCode, errorStatus, MatrixError } from '@candor/spec';

const isErrorCode = (code: string | undefined): code is ErrorCode =>
  code !== undefined && Object.hasOwn(errorStatus, code);

/** What a client is told when another server could not be asked, or refused. Errors of our own pass through. */
export const peerRefusal = (error: unknown): unknown => {
  if (!(error instanceof PeerError)) return error;
  const { kind, errcode, status, message } = error;
  if (kind === 'denied' || kind === 'refused-address') {
    return new MatrixError('M_FORBIDDEN', 'this server does not deal with that one', {
      cause: error,
    });
  }
  if (kind === 'timeout') return new MatrixError('M_CONNECTION_TIMEOUT', message, { cause: error });
  // A peer's word about tokens is about ours to it, which no client can help.
  const isRefusal = kind === 'status' && status !== undefined && status < 500 && status !== 401;
  if (isRefusal && isErrorCode(errcode)) {
    return new MatrixError(errcode, message, { status, cause: error });
  }
  return new MatrixError('M_CONNECTION_FAILED', message, { cause: error });
};
