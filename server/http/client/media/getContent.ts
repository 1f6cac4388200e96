import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { withoutToken } from './without-token.ts';

export const getContent: Handler<typeof clientServer.getContent> = async () => {
  throw withoutToken();
};
