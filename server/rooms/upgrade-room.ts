import { type JsonObject, roomVersionRules, stateKeyOf } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import { moveAliases } from '../storage/aliases.ts';
import { transact } from '../storage/database.ts';
import { movePublished } from '../storage/room-directory.ts';
import { carrySettings } from './carry-settings.ts';
import { type CreateRoomContext, createRoom } from './create-room.ts';
import type { Room } from './room.ts';
import { sendEvent } from './send-event.ts';
import { levelsForReplacement, levelsWhenReplaced } from './upgraded-levels.ts';

/** The state that goes along, beside the power levels. */
// https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-17
const transferredTypes = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.join_rules',
];

export type RoomUpgrade = {
  readonly roomId: string;
  readonly userId: string;
  readonly newVersion: string;
  readonly additionalCreators?: readonly string[] | undefined;
};

const readContent = async (
  { rooms }: CreateRoomContext,
  room: Room,
  type: string,
): Promise<JsonObject | undefined> => {
  const entry = room.state.get(stateKeyOf(type, ''));
  return entry && (await rooms.events.loadOne(entry.eventId))?.event.content;
};

/** Throws M_FORBIDDEN, M_UNSUPPORTED_ROOM_VERSION. */
const checkUpgrade = async (
  { rooms }: CreateRoomContext,
  { roomId, userId, newVersion }: RoomUpgrade,
) => {
  const room = await rooms.get(roomId);
  const mayEnd =
    room?.joined.has(userId) &&
    room.levels.ofUser(userId) >= room.levels.toSend('m.room.tombstone', true);
  if (!room || !mayEnd) throw new MatrixError('M_FORBIDDEN', 'the user may not upgrade the room');
  const rules = roomVersionRules(newVersion);
  if (rules) return { room, rules };
  const reason = `room version ${newVersion} is not supported`;
  throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', reason);
};

const createReplacement = async (
  context: CreateRoomContext,
  upgrade: RoomUpgrade,
): Promise<{ readonly replacement: string; readonly room: Room }> => {
  const { room, rules } = await checkUpgrade(context, upgrade);
  const { userId, newVersion, additionalCreators = [] } = upgrade;
  const created = (await readContent(context, room, 'm.room.create')) ?? {};
  const { additional_creators: _creators, predecessor: _predecessor, ...kept } = created;
  const levels = (await readContent(context, room, 'm.room.power_levels')) ?? {};
  const creators = [userId, ...(rules.creatorsInfinite ? additionalCreators : [])];
  const initialState = [];
  for (const type of transferredTypes) {
    const content = await readContent(context, room, type);
    if (content) initialState.push({ type, state_key: '', content });
  }
  const { roomId: replacement } = await createRoom(context, userId, {
    room_version: newVersion,
    creation_content: {
      ...kept,
      ...(rules.creatorsInfinite && additionalCreators.length > 0
        ? { additional_creators: additionalCreators }
        : {}),
      predecessor: { room_id: room.roomId, event_id: room.extremities.at(-1) },
    },
    initial_state: initialState,
    power_level_content_override: levelsForReplacement(levels, creators, rules),
  });
  return { replacement, room };
};

/** The old room ends: a tombstone, its aliases and its place in the directory go, few may speak. */
const endRoom = async (
  context: CreateRoomContext,
  room: Room,
  userId: string,
  replacement: string,
): Promise<void> => {
  const { roomId } = room;
  const state = { sender: userId, stateKey: '' };
  await transact(context.db, async (tx) => {
    await moveAliases(tx, roomId, replacement);
    await movePublished(tx, roomId, replacement);
  });
  const alias = await readContent(context, room, 'm.room.canonical_alias');
  const tombstone = { body: 'This room has been replaced', replacement_room: replacement };
  await sendEvent(context, { ...state, roomId, type: 'm.room.tombstone', content: tombstone });
  // Where the user may not do these, the room has ended all the same.
  const ifAllowed = async (type: string, inRoom: string, content: JsonObject) =>
    sendEvent(context, { ...state, roomId: inRoom, type, content }).catch((error: unknown) => {
      if (!(error instanceof MatrixError)) throw error;
    });
  if (alias && Object.keys(alias).length > 0) {
    await ifAllowed('m.room.canonical_alias', roomId, {});
    await ifAllowed('m.room.canonical_alias', replacement, alias);
  }
  const levels = (await readContent(context, room, 'm.room.power_levels')) ?? {};
  await ifAllowed('m.room.power_levels', roomId, levelsWhenReplaced(levels));
};

/**
 * Replaces a room by one of another version, which gets its settings, aliases and place in the directory.
 * Throws M_FORBIDDEN, M_UNSUPPORTED_ROOM_VERSION.
 */
// https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
export const upgradeRoom = async (
  context: CreateRoomContext,
  upgrade: RoomUpgrade,
): Promise<string> => {
  const { replacement, room } = await createReplacement(context, upgrade);
  await endRoom(context, room, upgrade.userId, replacement);
  await carrySettings(context, replacement, upgrade.userId);
  return replacement;
};
