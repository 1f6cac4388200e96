import { isObject, type JsonObject, type RoomVersionRules, readEvent } from '@candor/federation';
import { isUserId, limits } from '@candor/spec';
import { checkIncoming } from './check-incoming.ts';
import type { RemoteContext } from './remote-context.ts';

export type ShownState = {
  /** Stripped, as clients see them; what is not as it should be is left out. */
  readonly entries: readonly JsonObject[];
  /** What is wrong with an entry, in versions where entries must be whole and signed. */
  readonly fault: string | undefined;
};

const isIdentifier = (value: unknown): value is string =>
  typeof value === 'string' && Buffer.byteLength(value) <= limits.identifierBytesMax;

/** An entry as clients see it, whether it came as a whole event or stripped; undefined when it is neither. */
const stripped = (entry: unknown, roomId: string): JsonObject | undefined => {
  if (!isObject(entry)) return undefined;
  const { type, state_key: stateKey, sender, content, room_id: itsRoomId = roomId } = entry;
  if (!isIdentifier(type) || !isIdentifier(stateKey) || itsRoomId !== roomId) return undefined;
  if (typeof sender !== 'string' || !isUserId(sender) || !isObject(content)) return undefined;
  return { type, state_key: stateKey, sender, content };
};

/** One entry for each type and state key, and no more in all than is kept with a membership. */
const withinLimits = (entries: readonly (JsonObject | undefined)[]): readonly JsonObject[] => {
  const kept = new Map<string, JsonObject>();
  let bytes = 0;
  for (const entry of entries) {
    if (!entry) continue;
    const key = JSON.stringify([entry['type'], entry['state_key']]);
    if (kept.has(key)) continue;
    const size = Buffer.byteLength(JSON.stringify(entry));
    if (size > limits.eventBytesMax || bytes + size > limits.shownStateBytesMax) continue;
    bytes += size;
    kept.set(key, entry);
  }
  return [...kept.values()];
};

/** In versions whose room id is made from it, the create event shows that this is the room. */
export const findCreateEvent = (
  list: readonly unknown[],
  rules: RoomVersionRules,
  roomId: string,
): unknown =>
  list.find((entry) => {
    if (!isObject(entry) || entry['type'] !== 'm.room.create') return false;
    if (!rules.roomIdIsCreateHash) return true;
    const read = readEvent(entry, rules, roomId);
    return read.ok && !read.redacted;
  });

const faultOf = (entry: unknown, rules: RoomVersionRules, roomId: string): string | undefined => {
  const read = readEvent(entry, rules, roomId);
  if (!read.ok) return read.reason;
  if (read.redacted) return 'the content hash does not match';
  return read.event.stateKey === undefined ? 'not a state event' : undefined;
};

const readSigned = async (
  context: Pick<RemoteContext, 'federation'>,
  list: readonly unknown[],
  rules: RoomVersionRules,
  roomId: string,
): Promise<ShownState> => {
  const faults = list.map((entry) => faultOf(entry, rules, roomId));
  const whole = list.filter((_, index) => faults[index] === undefined);
  const checked = await checkIncoming(context, whole, rules, roomId);
  // A server whose keys cannot be had now costs its entries; a wrong signature shows that somebody lies.
  const lie = checked.find((one) => !one.ok && !one.isKeyMissing);
  const create = findCreateEvent(whole, rules, roomId);
  return {
    entries: withinLimits(
      whole.map((entry, index) =>
        checked[index]?.ok || entry === create ? stripped(entry, roomId) : undefined,
      ),
    ),
    fault: faults.find((fault) => fault !== undefined) ?? (lie && !lie.ok ? lie.reason : undefined),
  };
};

/**
 * The state that comes with an invitation or a knock, the create event first. From version 12 on, entries must be
 * whole events and signed; before, many servers send them stripped, which nobody vouches for.
 */
// https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
export const readShownEntries = async (
  context: Pick<RemoteContext, 'federation'>,
  list: readonly unknown[],
  rules: RoomVersionRules,
  roomId: string,
): Promise<ShownState> => {
  const create = findCreateEvent(list, rules, roomId);
  const others = list.filter((entry) => entry !== create);
  const ordered = create === undefined ? others : [create, ...others];
  const some = ordered.slice(0, limits.shownStateEntriesMax);
  if (rules.roomIdIsCreateHash) return readSigned(context, some, rules, roomId);
  const entries = withinLimits(some.map((entry) => stripped(entry, roomId)));
  return { entries, fault: undefined };
};
