import { eduContent, isUserId, serverNameOf } from '@candor/spec';
import { Compile } from 'typebox/compile';
import type { Context } from '../context.ts';
import { hasRemoteDeviceList } from '../storage/apply-device-update.ts';
import { writeCrossSigningKey } from '../storage/cross-signing.ts';
import { transact } from '../storage/database.ts';
import { lockDeviceList } from '../storage/device-lists.ts';
import { readRemoteListStates } from '../storage/remote-devices.ts';
import { tellDeviceList } from './announce-devices.ts';
import { readCrossSigningKey } from './key-objects.ts';

const schema = Compile(eduContent['m.signing_key_update']);

/** Takes an `m.signing_key_update` from another server; what is malformed or spoofed is ignored. */
// https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption
export const receiveSigningKeyUpdate = async (
  { db, deviceLists }: Context,
  origin: string,
  content: unknown,
): Promise<void> => {
  if (!schema.Check(content)) return;
  const { user_id: userId } = content;
  if (!isUserId(userId) || serverNameOf(userId) !== origin) return;
  const { tracked } = await readRemoteListStates(db, [userId]);
  if (!tracked.has(userId)) return;
  deviceLists.remote.outdate(userId);
  await transact(db, async (tx) => {
    await lockDeviceList(tx, userId);
    if (await hasRemoteDeviceList(tx, userId)) {
      for (const usage of ['master', 'self_signing'] as const) {
        const key = readCrossSigningKey(content[`${usage}_key`], userId, usage);
        if (key) await writeCrossSigningKey(tx, { userId, usage, keys: JSON.stringify(key) });
      }
    }
    await tellDeviceList(tx, userId);
  });
};
