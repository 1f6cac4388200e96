import type { clientServer } from '@candor/spec';
import { changePushRule } from '../../../push/change-push-rule.ts';
import { changePushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const setPushRuleEnabled: Handler<typeof clientServer.setPushRuleEnabled> = async (
  { db },
  { params, body, caller },
) => {
  const { enabled } = body;
  await changePushRules(db, caller.userId, (rules) => changePushRule(rules, params, { enabled }));
  return {};
};
