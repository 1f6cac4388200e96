import { type BodyOf, type clientServer, limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import { deletePusher, type Pusher, readPushers, writePusher } from '../storage/pushers.ts';

type Body = BodyOf<typeof clientServer.postPusher>;
type Owner = Pick<Pusher, 'userId' | 'deviceId'>;

const needed = <T>(value: T | undefined, name: string): T => {
  if (value !== undefined) return value;
  throw new MatrixError('M_MISSING_PARAM', `${name} is needed`);
};

/** Throws M_INVALID_PARAM unless the gateway is where all push gateways are. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset
const checkGateway = (url: string): void => {
  const { protocol, pathname } = URL.parse(url) ?? {};
  if (protocol === 'https:' && pathname === '/_matrix/push/v1/notify') return;
  throw new MatrixError('M_INVALID_PARAM', 'data.url: not the HTTPS address of a push gateway');
};

const readPusher = (owner: Owner, body: Body, kind: string): Pusher => {
  if (kind !== 'http') throw new MatrixError('M_INVALID_PARAM', 'kind: only http is offered');
  const data = needed(body.data, 'data');
  if (JSON.stringify(data).length > limits.pusherDataBytesMax) {
    throw new MatrixError('M_TOO_LARGE', 'data: too long');
  }
  checkGateway(needed(data.url, 'data.url'));
  return {
    ...owner,
    appId: body.app_id,
    pushkey: body.pushkey,
    kind,
    appDisplayName: needed(body.app_display_name, 'app_display_name'),
    deviceDisplayName: needed(body.device_display_name, 'device_display_name'),
    lang: needed(body.lang, 'lang'),
    data,
    profileTag: body.profile_tag,
  };
};

/** Adds, changes or removes a pusher. Throws M_MISSING_PARAM, M_INVALID_PARAM, M_TOO_LARGE, M_RESOURCE_LIMIT_EXCEEDED. */
export const setPusher = async (
  { db }: Pick<Context, 'db'>,
  owner: Owner,
  body: Body,
): Promise<void> => {
  const key = { userId: owner.userId, appId: body.app_id, pushkey: body.pushkey };
  const pusher = body.kind === null ? undefined : readPusher(owner, body, body.kind);
  await transact(db, async (tx) => {
    if (!pusher) return deletePusher(tx, key, 'own');
    // A key that has wandered to another account must not go on telling the old one's.
    if (body.append !== true) await deletePusher(tx, key, 'others');
    await writePusher(tx, pusher);
    if ((await readPushers(tx, owner.userId)).length > limits.pushersPerUserMax) {
      throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', 'this account has too many pushers');
    }
  });
};
