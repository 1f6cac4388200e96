import { isUserId } from '@candor/spec';
import type { Json, JsonObject, RoomEvent, Verdict } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { type AuthState, soleStateKeys } from './auth-state.ts';
import { creatorsOf } from './power-levels.ts';
import { allowed, refused } from './verdicts.ts';

const soleLevels = [
  'users_default',
  'events_default',
  'state_default',
  'ban',
  'redact',
  'kick',
  'invite',
] as const;

const isLevel = (value: unknown): boolean => Number.isSafeInteger(value);

const isLevels = (value: Json): value is JsonObject =>
  isObject(value) && Object.values(value).every(isLevel);

const checkSchema = (content: JsonObject, number: number): Verdict => {
  for (const name of soleLevels) {
    if (content[name] !== undefined && !isLevel(content[name])) {
      return refused(`${number}.1`, `${name} is no integer`);
    }
  }
  for (const name of ['events', 'notifications']) {
    const levels = content[name];
    if (levels !== undefined && !isLevels(levels)) {
      return refused(`${number}.2`, `${name} is no object of integers`);
    }
  }
  const { users } = content;
  if (users !== undefined && (!isLevels(users) || !Object.keys(users).every(isUserId))) {
    return refused(`${number}.3`, 'users is no object of user ids with integers');
  }
  return allowed;
};

type Change = { readonly name: string; readonly old?: number; readonly new?: number };

const levelsOf = (content: JsonObject, name: string): JsonObject => {
  const levels = content[name];
  return isObject(levels) ? levels : {};
};

const ownLevel = (levels: JsonObject, name: string): number | undefined =>
  Object.hasOwn(levels, name) && typeof levels[name] === 'number' ? levels[name] : undefined;

const changesIn = (before: JsonObject, after: JsonObject, names: Iterable<string>): Change[] => {
  const changes: Change[] = [];
  for (const name of names) {
    const was = ownLevel(before, name);
    const is = ownLevel(after, name);
    if (was === is) continue;
    changes.push({
      name,
      ...(was !== undefined && { old: was }),
      ...(is !== undefined && { new: is }),
    });
  }
  return changes;
};

const allChangesIn = (before: JsonObject, after: JsonObject): Change[] =>
  changesIn(before, after, new Set([...Object.keys(before), ...Object.keys(after)]));

/** `first` is the number of the rule that allows the first power levels event: the changes' rules follow it. */
const checkChanges = (
  before: JsonObject,
  { content: after, sender }: RoomEvent,
  senderLevel: number,
  rule: (sub: number) => string,
): Verdict => {
  for (const change of changesIn(before, after, soleLevels)) {
    if ((change.old ?? senderLevel) > senderLevel || (change.new ?? senderLevel) > senderLevel) {
      return refused(rule(1), `${change.name} is beyond the sender's power level`);
    }
  }
  for (const name of ['events', 'notifications']) {
    for (const change of allChangesIn(levelsOf(before, name), levelsOf(after, name))) {
      if ((change.old ?? senderLevel) > senderLevel) {
        return refused(rule(2), `the level of ${change.name} is above the sender's`);
      }
      if ((change.new ?? senderLevel) > senderLevel) {
        return refused(rule(3), `the new level of ${change.name} is above the sender's`);
      }
    }
  }
  for (const change of allChangesIn(levelsOf(before, 'users'), levelsOf(after, 'users'))) {
    if (change.name !== sender && change.old !== undefined && change.old >= senderLevel) {
      return refused(rule(4), `${change.name} has the sender's power level or more`);
    }
    if ((change.new ?? senderLevel) > senderLevel) {
      return refused(rule(5), `the new level of ${change.name} is above the sender's`);
    }
  }
  return allowed;
};

/** The rules for a power levels event whose sender may send it. */
// https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
export const checkPowerLevels = (
  event: RoomEvent,
  createEvent: RoomEvent,
  state: AuthState,
  senderLevel: number,
  rules: RoomVersionRules,
): Verdict => {
  const { powerLevels: number, firstPowerLevels: first } = rules.authRuleNumbers;
  const schema = checkSchema(event.content, number);
  if (!schema.allowed) return schema;
  if (rules.creatorsInfinite) {
    const users = levelsOf(event.content, 'users');
    const creator = creatorsOf(createEvent, rules).find((userId) => Object.hasOwn(users, userId));
    if (creator !== undefined) return refused(`${number}.4`, `users names the creator ${creator}`);
  }
  const before = state.get(soleStateKeys.powerLevels)?.content;
  if (before === undefined) return allowed;
  return checkChanges(before, event, senderLevel, (sub) => `${number}.${first + sub}`);
};
