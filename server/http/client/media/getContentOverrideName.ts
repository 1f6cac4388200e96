import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { withoutToken } from './without-token.ts';

export const getContentOverrideName: Handler<
  typeof clientServer.getContentOverrideName
> = async () => {
  throw withoutToken();
};
