import type { clientServer } from '@candor/spec';
import { readPushers } from '../../../storage/pushers.ts';
import type { Handler } from '../../handler.ts';

export const getPushers: Handler<typeof clientServer.getPushers> = async ({ db }, { caller }) => {
  const pushers = await readPushers(db, caller.userId);
  return {
    pushers: pushers.map((pusher) => ({
      pushkey: pusher.pushkey,
      kind: pusher.kind,
      app_id: pusher.appId,
      app_display_name: pusher.appDisplayName,
      device_display_name: pusher.deviceDisplayName,
      lang: pusher.lang,
      data: pusher.data,
      ...(pusher.profileTag !== undefined && { profile_tag: pusher.profileTag }),
    })),
  };
};
