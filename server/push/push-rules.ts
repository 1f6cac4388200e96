import { isObject } from '@candor/federation';
import { limits, MatrixError, pushRuleset } from '@candor/spec';
import { Compile } from 'typebox/compile';
import { changeAccountData, readAccountData } from '../storage/account-data.ts';
import { type Database, type Db, transact } from '../storage/database.ts';
import { defaultPushRules } from './default-push-rules.ts';
import type { PushRule, PushRuleset } from './push-ruleset.ts';

type Content = Readonly<Record<string, unknown>>;

const validator = Compile(pushRuleset);

const storedRules = (content: Content | undefined): Partial<PushRuleset> => {
  const stored = content?.['global'];
  return isObject(stored) && validator.Check(stored) ? stored : {};
};

/** The rules of the server as they are today, with what the user has made of each. */
const withChanges = (rules: readonly PushRule[], stored: readonly PushRule[] = []): PushRule[] =>
  rules.map((rule) => {
    const changed = stored.find((one) => one.default && one.rule_id === rule.rule_id);
    return changed ? { ...rule, enabled: changed.enabled, actions: changed.actions } : rule;
  });

const rulesOf = (userId: string, content: Content | undefined): PushRuleset => {
  const { master, override, underride } = defaultPushRules(userId);
  const stored = storedRules(content);
  const own = (kind: keyof PushRuleset) => (stored[kind] ?? []).filter((rule) => !rule.default);
  return {
    override: [
      ...withChanges([master], stored.override),
      ...own('override'),
      ...withChanges(override, stored.override),
    ],
    content: own('content'),
    room: own('room'),
    sender: own('sender'),
    underride: [...own('underride'), ...withChanges(underride, stored.underride)],
  };
};

/** All rules of a local user; also the content of `m.push_rules`, under `global`. */
// https://spec.matrix.org/v1.19/client-server-api/#push-rules
export const readPushRules = async (db: Db, userId: string): Promise<PushRuleset> =>
  rulesOf(userId, await readAccountData(db, { userId, type: 'm.push_rules' }));

/** Replaces the rules by what `change` makes of them. Throws M_TOO_LARGE, and what `change` throws. */
export const changePushRules = async (
  db: Database,
  userId: string,
  change: (before: PushRuleset) => PushRuleset,
): Promise<void> =>
  transact(db, (tx) =>
    changeAccountData(tx, { userId, type: 'm.push_rules' }, (before) => {
      const global = change(rulesOf(userId, before));
      if (JSON.stringify(global).length > limits.pushRulesBytesMax) {
        throw new MatrixError('M_TOO_LARGE', 'these are too many push rules');
      }
      return { global };
    }),
  );
