import { MatrixError } from '@candor/spec';
import type { PushRule, PushRuleKind, PushRuleset } from './push-ruleset.ts';

export type PushRuleName = { readonly kind: PushRuleKind; readonly ruleId: string };

/** One rule. Throws M_NOT_FOUND. */
export const findPushRule = (ruleset: PushRuleset, { kind, ruleId }: PushRuleName): PushRule => {
  const rule = ruleset[kind].find((one) => one.rule_id === ruleId);
  if (!rule) throw new MatrixError('M_NOT_FOUND', 'there is no such push rule');
  return rule;
};

/** Changes what a rule does, or whether it is on. Throws M_NOT_FOUND. */
export const changePushRule = (
  ruleset: PushRuleset,
  name: PushRuleName,
  change: Partial<Pick<PushRule, 'actions' | 'enabled'>>,
): PushRuleset => {
  const rule = findPushRule(ruleset, name);
  const rules = ruleset[name.kind];
  return {
    ...ruleset,
    [name.kind]: rules.map((one) => (one === rule ? { ...rule, ...change } : one)),
  };
};

/** Takes a rule of the user's own away. Throws M_NOT_FOUND, M_INVALID_PARAM for one of the server's. */
export const deletePushRule = (ruleset: PushRuleset, name: PushRuleName): PushRuleset => {
  const rule = findPushRule(ruleset, name);
  if (rule.default) {
    throw new MatrixError('M_INVALID_PARAM', 'rules of the server can only be switched off');
  }
  return { ...ruleset, [name.kind]: ruleset[name.kind].filter((one) => one !== rule) };
};
