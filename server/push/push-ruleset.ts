import type { pushRuleset } from '@candor/spec';
import type { Static } from 'typebox';

/** A user's rules by kind, each kind with the most important rule first. */
export type PushRuleset = Required<Static<typeof pushRuleset>>;
export type PushRuleKind = keyof PushRuleset;
export type PushRule = PushRuleset[PushRuleKind][number];
