import type { clientServer } from '@candor/spec';
import { readPushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const getPushRulesGlobal: Handler<typeof clientServer.getPushRulesGlobal> = async (
  { db },
  { caller },
) => readPushRules(db, caller.userId);
