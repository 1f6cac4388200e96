import { isObject, type RoomEvent } from '@candor/federation';
import { matchesGlob, matchesWords } from './glob.ts';
import { propertyAt, readPropertyPath } from './property-path.ts';
import type { PushRule, PushRuleset } from './push-ruleset.ts';

type Condition = NonNullable<PushRule['conditions']>[number];

/** What conditions ask of the room and of the reader. */
export type PushSurroundings = {
  readonly memberCount: number;
  readonly displayName: string | undefined;
  readonly levelOf: (userId: string) => number;
  /** The level that a notification for a key, such as `room`, asks for. */
  readonly levelToNotify: (key: string) => number;
};

/** An event as paths of conditions see it. */
const fieldsOf = ({ content, eventId, roomId, sender, stateKey, type }: RoomEvent) => ({
  content,
  event_id: eventId,
  room_id: roomId,
  sender,
  type,
  ...(stateKey !== undefined && { state_key: stateKey }),
});

type Fields = ReturnType<typeof fieldsOf>;

const matchesCount = (is: string, count: number): boolean => {
  const [, sign = '==', digits] = /^(==|<=|>=|<|>)?(\d{1,9})$/.exec(is) ?? [];
  if (digits === undefined) return false;
  const wanted = Number(digits);
  switch (sign) {
    case '<':
      return count < wanted;
    case '>':
      return count > wanted;
    case '<=':
      return count <= wanted;
    case '>=':
      return count >= wanted;
    default:
      return count === wanted;
  }
};

const matchesText = (key: string, pattern: string, fields: Fields): boolean => {
  const value = propertyAt(fields, readPropertyPath(key));
  if (typeof value !== 'string') return false;
  return key === 'content.body' ? matchesWords(pattern, value) : matchesGlob(pattern, value);
};

// https://spec.matrix.org/v1.19/client-server-api/#conditions-1
const holds = (condition: Condition, fields: Fields, around: PushSurroundings): boolean => {
  const { kind, key, pattern, is, value } = condition;
  const valueAt = () => (key === undefined ? undefined : propertyAt(fields, readPropertyPath(key)));
  switch (kind) {
    case 'event_match':
      return key !== undefined && pattern !== undefined && matchesText(key, pattern, fields);
    case 'event_property_is':
      return value !== undefined && valueAt() === value;
    case 'event_property_contains': {
      const values = valueAt();
      return value !== undefined && Array.isArray(values) && values.includes(value);
    }
    case 'room_member_count':
      return is !== undefined && matchesCount(is, around.memberCount);
    case 'sender_notification_permission':
      return key !== undefined && around.levelOf(fields.sender) >= around.levelToNotify(key);
    case 'contains_display_name': {
      const { displayName } = around;
      return displayName ? matchesText('content.body', displayName, fields) : false;
    }
    default:
      return false;
  }
};

const isMatch = (
  kind: keyof PushRuleset,
  rule: PushRule,
  fields: Fields,
  around: PushSurroundings,
): boolean => {
  if (!rule.enabled) return false;
  switch (kind) {
    case 'content':
      return rule.pattern !== undefined && matchesText('content.body', rule.pattern, fields);
    case 'room':
      return rule.rule_id === fields.room_id;
    case 'sender':
      return rule.rule_id === fields.sender;
    default:
      return (rule.conditions ?? []).every((condition) => holds(condition, fields, around));
  }
};

const kinds = ['override', 'content', 'room', 'sender', 'underride'] as const;

/** What an event means to a user. */
export type PushOutcome = { readonly notify: boolean; readonly highlight: boolean };

/** What the first rule that matches makes of an event of somebody else. */
// https://spec.matrix.org/v1.19/client-server-api/#push-rules
export const matchPushRules = (
  rules: PushRuleset,
  event: RoomEvent,
  around: PushSurroundings,
): PushOutcome => {
  const fields = fieldsOf(event);
  for (const kind of kinds) {
    const rule = rules[kind].find((one) => isMatch(kind, one, fields, around));
    if (!rule) continue;
    const highlight = rule.actions.find(
      (action) => isObject(action) && action['set_tweak'] === 'highlight',
    );
    return {
      notify: rule.actions.includes('notify'),
      highlight: isObject(highlight) && highlight['value'] !== false,
    };
  }
  return { notify: false, highlight: false };
};
