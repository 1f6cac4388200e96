import Type from 'typebox';
import { field } from '../fields.ts';

/** `"notify"`, or a tweak such as `{ "set_tweak": "sound", "value": "default" }`. */
export const pushAction = Type.Union([Type.String(), field.object]);

// https://spec.matrix.org/v1.19/client-server-api/#conditions-1
export const pushCondition = Type.Object({
  kind: Type.String(),
  key: Type.Optional(Type.String()),
  pattern: Type.Optional(Type.String()),
  is: Type.Optional(Type.String()),
  value: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Boolean(), Type.Null()])),
});

// https://spec.matrix.org/v1.19/client-server-api/#push-rules
export const pushRule = Type.Object({
  rule_id: Type.String(),
  default: Type.Boolean(),
  enabled: Type.Boolean(),
  actions: Type.Array(pushAction),
  conditions: Type.Optional(Type.Array(pushCondition)),
  pattern: Type.Optional(Type.String()),
});
