import type { JsonObject, RoomEvent } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { type AuthState, soleStateKeys } from './auth-state.ts';

/** What users may do; levels are integers, `Infinity` for creators where they stand above all. */
export type PowerLevels = {
  readonly ofUser: (userId: string) => number;
  readonly toSend: (type: string, isState: boolean) => number;
  readonly toInvite: number;
  readonly toKick: number;
  readonly toBan: number;
  readonly toRedact: number;
  /** For a key of `notifications`, such as `room`. */
  readonly toNotify: (key: string) => number;
};

const creatorLevel = 100;

const levelIn = (levels: unknown, key: string): number | undefined => {
  const level = isObject(levels) && Object.hasOwn(levels, key) ? levels[key] : undefined;
  return typeof level === 'number' ? level : undefined;
};

/** Who created the room: one user, and `additional_creators` where the version knows them. */
export const creatorsOf = (createEvent: RoomEvent, rules: RoomVersionRules): readonly string[] => {
  const { content, sender } = createEvent;
  if (rules.creatorInContent) {
    return typeof content['creator'] === 'string' ? [content['creator']] : [];
  }
  const more = rules.creatorsInfinite ? content['additional_creators'] : undefined;
  return Array.isArray(more) ? [sender, ...(more as readonly string[])] : [sender];
};

const userLevels = (
  content: JsonObject | undefined,
  creators: readonly string[],
  rules: RoomVersionRules,
): PowerLevels['ofUser'] => {
  const usersDefault = levelIn(content, 'users_default') ?? 0;
  return (userId) => {
    if (rules.creatorsInfinite && creators.includes(userId)) return Number.POSITIVE_INFINITY;
    if (content === undefined) return creators.includes(userId) ? creatorLevel : 0;
    return levelIn(content['users'], userId) ?? usersDefault;
  };
};

/** Reads the power levels of a room state; cheap, as nothing is copied. */
// https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
export const powerLevels = (state: AuthState, rules: RoomVersionRules): PowerLevels => {
  const createEvent = state.get(soleStateKeys.create);
  const creators = createEvent ? creatorsOf(createEvent, rules) : [];
  const content = state.get(soleStateKeys.powerLevels)?.content;
  const stateDefault = levelIn(content, 'state_default') ?? 50;
  const eventsDefault = levelIn(content, 'events_default') ?? 0;
  return {
    ofUser: userLevels(content, creators, rules),
    toSend: (type, isState) =>
      levelIn(content?.['events'], type) ?? (isState ? stateDefault : eventsDefault),
    toInvite: levelIn(content, 'invite') ?? 0,
    toKick: levelIn(content, 'kick') ?? 50,
    toBan: levelIn(content, 'ban') ?? 50,
    toRedact: levelIn(content, 'redact') ?? 50,
    toNotify: (key) => levelIn(content?.['notifications'], key) ?? 50,
  };
};
