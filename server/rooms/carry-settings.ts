import { isObject, type JsonObject } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { changePushRules, readPushRules } from '../push/push-rules.ts';
import type { PushRuleset } from '../push/push-ruleset.ts';
import { changeAccountData, readAccountData, writeAccountData } from '../storage/account-data.ts';
import { transact } from '../storage/database.ts';
import { roomSettings } from './room.ts';

/** The room that this one took the place of, as both say. */
const replacedRoom = async (
  { rooms }: Pick<Context, 'rooms'>,
  roomId: string,
): Promise<string | undefined> => {
  const created: JsonObject =
    (await rooms.get(roomId))?.settings.get(roomSettings.create)?.content ?? {};
  const { predecessor } = created;
  const before = isObject(predecessor) ? predecessor['room_id'] : undefined;
  if (typeof before !== 'string') return undefined;
  const tombstone = (await rooms.get(before))?.settings.get(roomSettings.tombstone);
  return tombstone?.content['replacement_room'] === roomId ? before : undefined;
};

const withRoomRule = (rules: PushRuleset, before: string, roomId: string): PushRuleset => {
  const old = rules.room.find((rule) => rule.rule_id === before);
  if (!old || rules.room.some((rule) => rule.rule_id === roomId)) return rules;
  return { ...rules, room: [{ ...old, rule_id: roomId }, ...rules.room] };
};

/**
 * Who comes from a room into the one that took its place finds what they had set for it: tags, the push rule for the
 * room, and that it is a direct chat.
 */
// https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-17
export const carrySettings = async (
  context: Pick<Context, 'db' | 'rooms'>,
  roomId: string,
  userId: string,
): Promise<void> => {
  const { db } = context;
  const before = await replacedRoom(context, roomId);
  if (before === undefined) return;
  const tags = await readAccountData(db, { userId, roomId: before, type: 'm.tag' });
  const key = { userId, roomId, type: 'm.tag' };
  if (tags && !(await readAccountData(db, key))) {
    await transact(db, (tx) => writeAccountData(tx, key, tags));
  }
  const isMissing = (rooms: unknown) =>
    Array.isArray(rooms) && rooms.includes(before) && !rooms.includes(roomId);
  const chatsKey = { userId, type: 'm.direct' };
  const chats = await readAccountData(db, chatsKey);
  if (Object.values(chats ?? {}).some(isMissing)) {
    await transact(db, (tx) =>
      changeAccountData(tx, chatsKey, (now = {}) =>
        Object.fromEntries(
          Object.entries(now).map(([other, rooms]) => [
            other,
            Array.isArray(rooms) && isMissing(rooms) ? [...rooms, roomId] : rooms,
          ]),
        ),
      ),
    );
  }
  const withRule = (rules: PushRuleset) => withRoomRule(rules, before, roomId);
  const rules = await readPushRules(db, userId);
  if (withRule(rules) === rules) return;
  await changePushRules(db, userId, withRule).catch((error: unknown) => {
    // One rule more may be too many; the user is in the room all the same.
    if (!(error instanceof MatrixError)) throw error;
  });
};
