import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { namesSigningKey } from '../devices/names-signing-key.ts';
import { lockCrossSigningKeys } from '../storage/cross-signing.ts';
import { type Tx, transact } from '../storage/database.ts';
import { insertDevice, type SeenDevice } from '../storage/devices.ts';
import { deleteTokens, insertTokens } from '../storage/tokens.ts';
import { newToken, tokenHash } from './token.ts';

export type SessionRequest = {
  readonly userId: string;
  /** A device of the user that is used again, or the name of a new one. */
  readonly deviceId?: string | undefined;
  readonly displayName?: string | undefined;
  /** Where the sign-in comes from. */
  readonly from?: Pick<SeenDevice, 'address' | 'agent'>;
  /** The access token expires and comes with a refresh token. */
  readonly withRefresh?: boolean | undefined;
};

export type Tokens = {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly expiresInMs: number | undefined;
};

/** Makes tokens for a device; `replaces` is the refresh token that is spent on them. */
export const issueTokens = async (
  { now, randomBytes }: Pick<Context, 'now' | 'randomBytes'>,
  tx: Tx,
  owner: { readonly userId: string; readonly deviceId: string },
  withRefresh: boolean,
  replaces?: Buffer,
): Promise<Tokens> => {
  const accessToken = newToken('access', randomBytes);
  const refreshToken = withRefresh ? newToken('refresh', randomBytes) : undefined;
  const expiresInMs = withRefresh ? limits.accessTokenLifetimeMs : undefined;
  await insertTokens(tx, {
    ...owner,
    accessHash: tokenHash(accessToken),
    expiresAt: expiresInMs && now() + expiresInMs,
    refreshHash: refreshToken === undefined ? undefined : tokenHash(refreshToken),
    replaces,
  });
  return { accessToken, refreshToken, expiresInMs };
};

const deviceLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

const newDeviceId = (randomBytes: Context['randomBytes']): string =>
  Array.from(randomBytes(10), (byte) => deviceLetters[byte % deviceLetters.length]).join('');

const refuseKeyName = async (tx: Tx, userId: string, deviceId: string): Promise<void> => {
  await lockCrossSigningKeys(tx, userId);
  if (await namesSigningKey(tx, userId, deviceId))
    throw new MatrixError('M_INVALID_PARAM', 'device_id: is a cross-signing key');
};

/** Starts a session of a user on a new device, or on one of theirs, whose earlier tokens then end. Throws M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#relationship-between-access-tokens-and-devices
export const createSession = async (
  context: Context,
  request: SessionRequest,
): Promise<Tokens & { readonly deviceId: string }> => {
  const { accounts, db, now, randomBytes } = context;
  const { userId, displayName, from, withRefresh = false } = request;
  const deviceId = request.deviceId ?? newDeviceId(randomBytes);
  const tokens = await transact(db, async (tx) => {
    if (request.deviceId !== undefined) await refuseKeyName(tx, userId, deviceId);
    const isNew = await insertDevice(tx, userId, deviceId, displayName, now());
    if (!isNew) {
      await deleteTokens(tx, userId, { deviceId });
      tx.tell({ kind: 'sessionEnded', userId, deviceId, wakes: [userId] });
    }
    return issueTokens(context, tx, { userId, deviceId }, withRefresh);
  });
  if (from) accounts.lastSeen.note({ userId, deviceId, at: now(), ...from });
  return { ...tokens, deviceId };
};
