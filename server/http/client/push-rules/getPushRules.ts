import type { clientServer } from '@candor/spec';
import { readPushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const getPushRules: Handler<typeof clientServer.getPushRules> = async (
  { db },
  { caller },
) => ({
  global: await readPushRules(db, caller.userId),
});
