import type { clientServer } from '@candor/spec';
import { changePushRule } from '../../../push/change-push-rule.ts';
import { changePushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const setPushRuleActions: Handler<typeof clientServer.setPushRuleActions> = async (
  { db },
  { params, body, caller },
) => {
  const { actions } = body;
  await changePushRules(db, caller.userId, (rules) => changePushRule(rules, params, { actions }));
  return {};
};
