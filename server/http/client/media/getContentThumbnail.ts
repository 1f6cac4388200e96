import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { withoutToken } from './without-token.ts';

export const getContentThumbnail: Handler<typeof clientServer.getContentThumbnail> = async () => {
  throw withoutToken();
};
