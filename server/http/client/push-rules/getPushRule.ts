import type { clientServer } from '@candor/spec';
import { findPushRule } from '../../../push/change-push-rule.ts';
import { readPushRules } from '../../../push/push-rules.ts';
import type { Handler } from '../../handler.ts';

export const getPushRule: Handler<typeof clientServer.getPushRule> = async (
  { db },
  { params, caller },
) => findPushRule(await readPushRules(db, caller.userId), params);
