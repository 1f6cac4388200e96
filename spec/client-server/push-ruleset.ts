import Type from 'typebox';
import { pushRule } from './push-rule.ts';

const rules = Type.Optional(Type.Array(pushRule));

/** Push rules by kind, in the order in which the kinds are tried. */
// https://spec.matrix.org/v1.19/client-server-api/#push-rules
export const pushRuleset = Type.Object({
  override: rules,
  content: rules,
  room: rules,
  sender: rules,
  underride: rules,
});
