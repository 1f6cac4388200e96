import type { clientServer } from '@candor/spec';
import { setPusher } from '../../../push/set-pusher.ts';
import type { Handler } from '../../handler.ts';

export const postPusher: Handler<typeof clientServer.postPusher> = async (
  context,
  { body, caller },
) => {
  await setPusher(context, caller, body);
  return {};
};
