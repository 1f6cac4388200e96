import type { Tx } from '../storage/database.ts';
import { lockDeviceList } from '../storage/device-lists.ts';
import { queueEdu } from '../storage/queue-edu.ts';
import { readSharingServers } from '../storage/shared-rooms.ts';
import { tellDeviceList } from './announce-devices.ts';
import { addSignatures, readUserKeys } from './user-keys.ts';

/** Call it after cross-signing keys of a local user changed, inside the transaction. */
// https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption
export const announceSigningKeys = async (tx: Tx, userId: string): Promise<void> => {
  await lockDeviceList(tx, userId);
  const users = await readUserKeys(tx, [userId]);
  await addSignatures(tx, users, undefined);
  const keys = users.get(userId)?.crossSigning;
  const master = keys?.get('master');
  const selfSigning = keys?.get('self_signing');
  await queueEdu(tx, await readSharingServers(tx, userId), {
    edu_type: 'm.signing_key_update',
    content: {
      user_id: userId,
      ...(master && { master_key: master }),
      ...(selfSigning && { self_signing_key: selfSigning }),
    },
  });
  await tellDeviceList(tx, userId);
};
