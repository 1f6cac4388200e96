import { deletePushRule } from './deletePushRule.ts';
import { getPushRule } from './getPushRule.ts';
import { getPushRuleActions } from './getPushRuleActions.ts';
import { getPushRules } from './getPushRules.ts';
import { getPushRulesGlobal } from './getPushRulesGlobal.ts';
import { isPushRuleEnabled } from './isPushRuleEnabled.ts';
import { setPushRule } from './setPushRule.ts';
import { setPushRuleActions } from './setPushRuleActions.ts';
import { setPushRuleEnabled } from './setPushRuleEnabled.ts';

export const pushRuleHandlers = {
  deletePushRule,
  getPushRule,
  getPushRuleActions,
  getPushRules,
  getPushRulesGlobal,
  isPushRuleEnabled,
  setPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
};
