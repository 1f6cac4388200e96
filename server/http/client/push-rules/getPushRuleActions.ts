import type { clientServer } from '@candor/spec';
import { findPushRule } from '../../../push/change-push-rule.ts';
import { readPushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const getPushRuleActions: Handler<typeof clientServer.getPushRuleActions> = async (
  { db },
  { params, caller },
) => {
  const { actions } = findPushRule(await readPushRules(db, caller.userId), params);
  return { actions };
};
