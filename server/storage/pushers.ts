import type { Db, Tx } from './database.ts';
import { readJson } from './spoiled-rows.ts';

export type Pusher = {
  readonly userId: string;
  /** The session that set it. */
  readonly deviceId: string;
  readonly appId: string;
  readonly pushkey: string;
  readonly kind: string;
  readonly appDisplayName: string;
  readonly deviceDisplayName: string;
  readonly lang: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly profileTag: string | undefined;
};

type PusherKey = Pick<Pusher, 'userId' | 'appId' | 'pushkey'>;

export const readPushers = async ({ sql }: Db, userId: string): Promise<readonly Pusher[]> => {
  const rows = await sql
    .selectFrom('pushers')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('app_id')
    .orderBy('pushkey')
    .execute();
  return rows.map((row) => ({
    userId,
    deviceId: row.device_id,
    appId: row.app_id,
    pushkey: row.pushkey,
    kind: row.kind,
    appDisplayName: row.app_display_name,
    deviceDisplayName: row.device_display_name,
    lang: row.lang,
    data: (readJson(row.data, { table: 'pushers', row: `${userId} ${row.app_id}` }) ??
      {}) as Record<string, unknown>,
    profileTag: row.profile_tag ?? undefined,
  }));
};

/** Adds a pusher or changes it. */
export const writePusher = async ({ sql }: Tx, pusher: Pusher): Promise<void> => {
  const changes = {
    device_id: pusher.deviceId,
    kind: pusher.kind,
    app_display_name: pusher.appDisplayName,
    device_display_name: pusher.deviceDisplayName,
    lang: pusher.lang,
    data: JSON.stringify(pusher.data),
    profile_tag: pusher.profileTag ?? null,
  };
  const key = { user_id: pusher.userId, app_id: pusher.appId, pushkey: pusher.pushkey };
  await sql
    .insertInto('pushers')
    .values({ ...key, ...changes })
    .onConflict((conflict) =>
      conflict.columns(['user_id', 'app_id', 'pushkey']).doUpdateSet(changes),
    )
    .execute();
};

/** Removes a user's pusher, or those that all others have with the same app and key. */
export const deletePusher = async (
  { sql }: Tx,
  { userId, appId, pushkey }: PusherKey,
  whose: 'own' | 'others',
): Promise<void> => {
  await sql
    .deleteFrom('pushers')
    .where('app_id', '=', appId)
    .where('pushkey', '=', pushkey)
    .where('user_id', whose === 'own' ? '=' : '<>', userId)
    .execute();
};
