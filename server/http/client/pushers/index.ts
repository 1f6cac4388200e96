import { getPushers } from './getPushers.ts';
import { postPusher } from './postPusher.ts';

export const pusherHandlers = {
  getPushers,
  postPusher,
};
