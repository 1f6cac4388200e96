import { isObject, type JsonObject, type RoomVersionRules } from '@candor/federation';

const number = (value: unknown, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;

/** Power levels of a room for its replacement: nobody loses a level, creators are named only where the version does so. */
export const levelsForReplacement = (
  old: JsonObject,
  creators: readonly string[],
  rules: RoomVersionRules,
): JsonObject => {
  const named = isObject(old['users']) ? old['users'] : {};
  if (!rules.creatorsInfinite) {
    const raised = creators.map((userId) => [userId, Math.max(100, number(named[userId], 0))]);
    return { ...old, users: { ...named, ...Object.fromEntries(raised) } };
  }
  const others = Object.entries(named).filter(([userId]) => !creators.includes(userId));
  const events = isObject(old['events']) ? old['events'] : {};
  // https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
  const tombstone = Math.max(150, number(old['state_default'], 50) + 1);
  return {
    ...old,
    users: Object.fromEntries(others),
    events: {
      ...events,
      'm.room.tombstone': Math.max(tombstone, number(events['m.room.tombstone'], 0)),
    },
  };
};

/** Power levels of a room that was replaced: ordinary users neither send nor invite any more. */
// https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-17
export const levelsWhenReplaced = (old: JsonObject): JsonObject => {
  const least = Math.max(50, number(old['users_default'], 0) + 1);
  return {
    ...old,
    events_default: Math.max(least, number(old['events_default'], 0)),
    invite: Math.max(least, number(old['invite'], 0)),
  };
};
