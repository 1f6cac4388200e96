import { isObject } from '@candor/federation';
import { readCrossSigningRows } from '../storage/cross-signing.ts';
import type { Tx } from '../storage/database.ts';
import { readJson } from '../storage/spoiled-rows.ts';

/** Whether a device id is the public part of one of the user's cross-signing keys: signatures name both alike, so that none may pass for the other. */
// https://spec.matrix.org/v1.19/client-server-api/#cross-signing
export const namesSigningKey = async (
  tx: Tx,
  userId: string,
  deviceId: string,
): Promise<boolean> => {
  const rows = await readCrossSigningRows(tx, [userId]);
  // The device may have signed the key, so only the key itself is looked at.
  return rows.some(({ keys: text, usage }) => {
    const keys = readJson(text, { table: 'cross_signing_keys', row: `${userId} ${usage}` });
    const named = isObject(keys) && isObject(keys['keys']) ? keys['keys'] : {};
    return Object.hasOwn(named, `ed25519:${deviceId}`);
  });
};
