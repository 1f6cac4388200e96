import { type BodyOf, type clientServer, MatrixError } from '@candor/spec';
import type { PushRuleName } from './change-push-rule.ts';
import type { PushRule, PushRuleset } from './push-ruleset.ts';

/** Where a rule goes: it is the next more important one than `before`, or else the next less important than `after`. */
type Place = { readonly before?: string | undefined; readonly after?: string | undefined };

const refuseName = (ruleId: string): void => {
  if (ruleId.startsWith('.')) {
    throw new MatrixError('M_INVALID_PARAM', 'names with a dot in front are for the server');
  }
  if (/[/\\]/.test(ruleId)) {
    throw new MatrixError('M_INVALID_PARAM', 'rule ids are without slashes');
  }
};

const readRule = (
  { kind, ruleId }: PushRuleName,
  { actions, conditions, pattern }: BodyOf<typeof clientServer.setPushRule>,
): PushRule => {
  if (kind === 'content' && pattern === undefined) {
    throw new MatrixError('M_MISSING_PARAM', 'content rules have a pattern');
  }
  return {
    rule_id: ruleId,
    default: false,
    enabled: true,
    actions,
    ...((kind === 'override' || kind === 'underride') && { conditions: conditions ?? [] }),
    ...(kind === 'content' && { pattern }),
  };
};

const indexOf = (rules: readonly PushRule[], ruleId: string): number => {
  const index = rules.findIndex((rule) => rule.rule_id === ruleId && !rule.default);
  if (index >= 0) return index;
  throw new MatrixError('M_UNKNOWN', `before/after rule not found: ${ruleId}`, { status: 400 });
};

/**
 * Adds a rule of the user's own, as the most important of its kind unless a place is named, or changes it. Throws
 * M_INVALID_PARAM, M_MISSING_PARAM, M_UNKNOWN with 400 when the rule at the place is not there.
 */
// https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid
export const putPushRule = (
  ruleset: PushRuleset,
  name: PushRuleName,
  body: BodyOf<typeof clientServer.setPushRule>,
  { before, after }: Place,
): PushRuleset => {
  refuseName(name.ruleId);
  const rules = ruleset[name.kind];
  const known = rules.findIndex((rule) => rule.rule_id === name.ruleId);
  const rule = { ...readRule(name, body), enabled: rules[known]?.enabled ?? true };
  const others = rules.toSpliced(known, known < 0 ? 0 : 1);
  let index = known;
  if (before !== undefined) index = indexOf(others, before);
  else if (after !== undefined) index = indexOf(others, after) + 1;
  // The master rule alone goes before the first rule of a user.
  else if (known < 0) index = others[0]?.rule_id === '.m.rule.master' ? 1 : 0;
  return { ...ruleset, [name.kind]: others.toSpliced(index, 0, rule) };
};
