import { type candor, MatrixError } from '@candor/spec';
import type { Handler } from '../handler.ts';

export const candorRegisterNonce: Handler<typeof candor.candorRegisterNonce> = async ({
  accounts,
  config,
}) => {
  if (config.registration.sharedSecret === undefined) {
    throw new MatrixError('M_UNKNOWN', 'No shared secret is set', { status: 400 });
  }
  return { nonce: accounts.nonces.make() };
};
