import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { pushAction, pushCondition, pushRule } from './push-rule.ts';
import { pushRuleset } from './push-ruleset.ts';

const actions = Type.Array(pushAction);
const enabled = Type.Object({ enabled: Type.Boolean() });
const ofRule = Type.Object({
  kind: Type.Enum(['override', 'underride', 'sender', 'room', 'content']),
  ruleId: field.opaqueId,
});
const rulePath = '/_matrix/client/v3/pushrules/global/{kind}/{ruleId}';

export const getPushRules = operation({
  id: 'getPushRules',
  method: 'GET',
  path: '/_matrix/client/v3/pushrules/',
  summary: "Gives all of the user's push rules.",
  auth: 'accessToken',
  response: Type.Object({ global: pushRuleset }),
});

export const getPushRulesGlobal = operation({
  id: 'getPushRulesGlobal',
  method: 'GET',
  path: '/_matrix/client/v3/pushrules/global/',
  summary: "Gives the user's global push rules.",
  auth: 'accessToken',
  response: pushRuleset,
});

export const getPushRule = operation({
  id: 'getPushRule',
  method: 'GET',
  path: rulePath,
  summary: 'Gives one push rule.',
  auth: 'accessToken',
  params: ofRule,
  response: pushRule,
});

export const setPushRule = operation({
  id: 'setPushRule',
  method: 'PUT',
  path: rulePath,
  summary: 'Adds or changes a push rule, before or after another if asked.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  params: ofRule,
  query: Type.Object({
    before: Type.Optional(Type.String()),
    after: Type.Optional(Type.String()),
  }),
  body: Type.Object({
    actions,
    conditions: Type.Optional(Type.Array(pushCondition)),
    pattern: Type.Optional(Type.String()),
  }),
  response: field.empty,
});

export const deletePushRule = operation({
  id: 'deletePushRule',
  method: 'DELETE',
  path: rulePath,
  summary: "Removes one of the user's own push rules.",
  auth: 'accessToken',
  params: ofRule,
  response: field.empty,
});

export const getPushRuleActions = operation({
  id: 'getPushRuleActions',
  method: 'GET',
  path: `${rulePath}/actions`,
  summary: 'Gives what a push rule does.',
  auth: 'accessToken',
  params: ofRule,
  response: Type.Object({ actions }),
});

export const setPushRuleActions = operation({
  id: 'setPushRuleActions',
  method: 'PUT',
  path: `${rulePath}/actions`,
  summary: 'Changes what a push rule does.',
  auth: 'accessToken',
  params: ofRule,
  body: Type.Object({ actions }),
  response: field.empty,
});

export const isPushRuleEnabled = operation({
  id: 'isPushRuleEnabled',
  method: 'GET',
  path: `${rulePath}/enabled`,
  summary: 'Tells whether a push rule is on.',
  auth: 'accessToken',
  params: ofRule,
  response: enabled,
});

export const setPushRuleEnabled = operation({
  id: 'setPushRuleEnabled',
  method: 'PUT',
  path: `${rulePath}/enabled`,
  summary: 'Switches a push rule on or off.',
  auth: 'accessToken',
  params: ofRule,
  body: enabled,
  response: field.empty,
});
