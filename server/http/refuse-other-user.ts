import { MatrixError } from '@candor/spec';
import type { Session } from '../accounts/sessions.ts';

/** For paths that name a user: they are for that user alone. Throws M_FORBIDDEN. */
export const refuseOtherUser = ({ userId }: Session, named: string): void => {
  if (userId !== named) throw new MatrixError('M_FORBIDDEN', 'this belongs to another user');
};
