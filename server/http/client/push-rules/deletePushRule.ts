import type { clientServer } from '@candor/spec';
import { deletePushRule as takeAway } from '../../../push/change-push-rule.ts';
import { changePushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const deletePushRule: Handler<typeof clientServer.deletePushRule> = async (
  { db },
  { params, caller },
) => {
  await changePushRules(db, caller.userId, (rules) => takeAway(rules, params));
  return {};
};
