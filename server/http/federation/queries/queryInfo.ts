import { type federation, MatrixError } from '@candor/spec';
import type { Handler } from '../../handler.ts';

/** The kinds of question that the specification names have operations of their own. */
export const queryInfo: Handler<typeof federation.queryInfo> = async () => {
  throw new MatrixError('M_UNRECOGNIZED', 'this server does not answer this kind of question');
};
