import type { clientServer } from '@candor/spec';
import { changePushRules } from '../../../push/push-rules.ts';
import { putPushRule } from '../../../push/put-push-rule.ts';
import type { Handler } from '../../handler.ts';

export const setPushRule: Handler<typeof clientServer.setPushRule> = async (
  { db },
  { params, query, body, caller },
) => {
  await changePushRules(db, caller.userId, (rules) => putPushRule(rules, params, body, query));
  return {};
};
