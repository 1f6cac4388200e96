import type { clientServer } from '@candor/spec';
import { findPushRule } from '../../../push/change-push-rule.ts';
import { readPushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const isPushRuleEnabled: Handler<typeof clientServer.isPushRuleEnabled> = async (
  { db },
  { params, caller },
) => {
  const { enabled } = findPushRule(await readPushRules(db, caller.userId), params);
  return { enabled };
};
