import { MatrixError } from '@candor/spec';

/** What everything but a logout answers while an account is locked. */
// https://spec.matrix.org/v1.19/client-server-api/#account-locking
export const lockedError = (): MatrixError =>
  new MatrixError('M_USER_LOCKED', 'This account has been locked', {
    fields: { soft_logout: true },
  });
