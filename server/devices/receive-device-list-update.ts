import { eduContent, isUserId, limits, serverNameOf } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { Context } from '../context.ts';
import { applyDeviceUpdate } from '../storage/apply-device-update.ts';
import { transact } from '../storage/database.ts';
import { lockDeviceList } from '../storage/device-lists.ts';
import { readRemoteListStates } from '../storage/remote-devices.ts';
import { tellDeviceList } from './announce-devices.ts';
import { readDeviceKeys } from './key-objects.ts';

const schema = Compile(eduContent['m.device_list_update']);

/**
 * Takes an `m.device_list_update` from another server; what is malformed or spoofed is ignored, as is what concerns
 * nobody here. A missing predecessor makes the list stale and has it fetched again in the background.
 */
// https://spec.matrix.org/v1.19/server-server-api/#device-management
export const receiveDeviceListUpdate = async (
  { db, deviceLists }: Context,
  origin: string,
  content: unknown,
): Promise<void> => {
  if (!schema.Check(content)) return;
  const { user_id: userId, device_id: deviceId, device_display_name: name } = content;
  if (!isUserId(userId) || serverNameOf(userId) !== origin) return;
  const { tracked, held } = await readRemoteListStates(db, [userId]);
  if (!tracked.has(userId)) return;
  const isDeleted = content.deleted === true;
  const keys = isDeleted ? undefined : readDeviceKeys(content.keys, userId, deviceId);
  const isBad = !isDeleted && content.keys !== undefined && !keys;
  deviceLists.remote.outdate(userId);
  const outcome = await transact(db, async (tx) => {
    await lockDeviceList(tx, userId);
    const result = await applyDeviceUpdate(tx, userId, {
      deviceId,
      streamId: content.stream_id,
      // An update that cannot be read counts as missed, and so does one to a list that does not hold.
      previous: isBad || !held.has(userId) ? [] : (content.prev_id ?? []),
      keys: keys && JSON.stringify(keys),
      displayName: name?.replaceAll('\0', '').slice(0, limits.deviceDisplayNameLengthMax),
    });
    if (result !== 'known') await tellDeviceList(tx, userId);
    return result;
  });
  if (outcome === 'gap') deviceLists.resync.want(userId);
};
