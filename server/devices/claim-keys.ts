import { isObject, type Json, type JsonObject } from '@candor/federation';
import { type clientServer, limits, type ResponseOf } from '@candor/spec';
import type { Context } from '../context.ts';
import {
  type ClaimedKey,
  claimOneTimeKeys,
  type KeyClaim,
  takeFallbackKeys,
} from '../storage/claim-keys.ts';
import { transact } from '../storage/database.ts';
import { readJson } from '../storage/spoiled-rows.ts';
import { askServers, keysTimeoutMs, type ServerFailure } from './ask-servers.ts';
import { byServer } from './by-server.ts';
import { canonicalText } from './canonical-text.ts';

type Answer = ResponseOf<typeof clientServer.claimKeys>;
/** User id → device id → algorithm. */
type Asked = Readonly<Record<string, Readonly<Record<string, string>>>>;
/** User id → device id → key id → key. */
type Claimed = Map<string, Map<string, readonly [keyId: string, key: Json]>>;

const toAnswer = (claimed: Claimed): Answer['one_time_keys'] =>
  Object.fromEntries(
    [...claimed].map(([userId, devices]) => [
      userId,
      Object.fromEntries(
        [...devices].map(([deviceId, key]) => [deviceId, Object.fromEntries([key])]),
      ),
    ]),
  ) as Answer['one_time_keys'];

const add = (
  claimed: Claimed,
  userId: string,
  deviceId: string,
  key: readonly [string, Json],
): void => {
  const devices = claimed.get(userId) ?? new Map<string, readonly [string, Json]>();
  claimed.set(userId, devices.set(deviceId, key));
};

const nameOf = ({ userId, deviceId }: KeyClaim): string => JSON.stringify([userId, deviceId]);

const takeKeys = async ({ db, now }: Context, claims: readonly KeyClaim[]): Promise<Claimed> => {
  const claimed: Claimed = new Map();
  if (claims.length === 0) return claimed;
  const keep = ({ userId, deviceId, algorithm, keyId, key: text }: ClaimedKey) => {
    const name = `${algorithm}:${keyId}`;
    const key = readJson(text, { table: 'one_time_keys', row: `${userId} ${deviceId} ${name}` });
    if (key !== undefined) add(claimed, userId, deviceId, [name, key as Json]);
  };
  await transact(db, async (tx) => {
    const oneTime = await claimOneTimeKeys(tx, claims, now());
    const served = new Set(oneTime.map(nameOf));
    const rest = claims.filter((claim) => !served.has(nameOf(claim)));
    const fallback = rest.length === 0 ? [] : await takeFallbackKeys(tx, rest);
    for (const { userId, deviceId } of [...oneTime, ...fallback.filter((one) => one.isFirstUse)]) {
      tx.tell({ kind: 'oneTimeKeys', userId, deviceId, wakes: [userId] });
    }
    for (const key of [...oneTime, ...fallback]) keep(key);
  });
  return claimed;
};

const claimsOf = (userIds: readonly string[], asked: Asked): KeyClaim[] =>
  userIds.flatMap((userId) =>
    Object.entries(asked[userId] ?? {}).map(([deviceId, algorithm]) => ({
      userId,
      deviceId,
      algorithm,
    })),
  );

// https://spec.matrix.org/v1.19/client-server-api/#key-algorithms
const isKey = (key: Json | undefined): key is string | JsonObject =>
  typeof key === 'string' ||
  (isObject(key) && (key['key'] === undefined || typeof key['key'] === 'string'));

/** Takes from another server's answer what was asked for, one key for each device, and nothing else. */
const readAnswer = (answer: JsonObject, claims: readonly KeyClaim[], claimed: Claimed): void => {
  const users = isObject(answer['one_time_keys']) ? answer['one_time_keys'] : {};
  for (const { userId, deviceId, algorithm } of claims) {
    const devices = Object.hasOwn(users, userId) ? users[userId] : undefined;
    const keys = isObject(devices) && Object.hasOwn(devices, deviceId) ? devices[deviceId] : {};
    for (const [keyId, key] of Object.entries(isObject(keys) ? keys : {})) {
      if (!isKey(key) || !keyId.startsWith(`${algorithm}:`)) continue;
      if (canonicalText(key, limits.oneTimeKeyBytesMax) === undefined) continue;
      add(claimed, userId, deviceId, [keyId, key]);
      break;
    }
  }
};

const claim = { path: '/_matrix/federation/v1/user/keys/claim', member: 'one_time_keys' } as const;

/** Takes one key of each device asked for; servers that do not answer are in `failures`. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim
export const claimKeysOfUsers = async (
  context: Context,
  asked: Asked,
  timeoutMs: number | undefined,
): Promise<Answer> => {
  const { config, federation } = context;
  const { local, remote } = byServer(Object.keys(asked), config.serverName);
  const servers = new Map(
    [...remote].map(([server, userIds]) => [
      server,
      userIds.map((userId) => [userId, asked[userId] ?? {}] as const),
    ]),
  );
  const outcomes = askServers(federation.client, claim, servers, keysTimeoutMs(timeoutMs));
  const claimed = await takeKeys(context, claimsOf(local, asked));
  const failures = new Map<string, ServerFailure>();
  await Promise.all(
    [...outcomes].map(async ([server, parts]) => {
      for (const { userIds, answer, failure } of await parts) {
        if (failure) failures.set(server, failure);
        else readAnswer(answer, claimsOf(userIds, asked), claimed);
      }
    }),
  );
  return {
    one_time_keys: toAnswer(claimed),
    failures: Object.fromEntries<ServerFailure>(failures),
  };
};

/** The same for another server, of users of this one. */
export const claimKeysForServer = async (
  context: Context,
  asked: Asked,
): Promise<Pick<Answer, 'one_time_keys'>> => {
  const { local } = byServer(Object.keys(asked), context.config.serverName);
  return { one_time_keys: toAnswer(await takeKeys(context, claimsOf(local, asked))) };
};
