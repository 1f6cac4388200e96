import type { Db, Tx } from './database.ts';

export type RegistrationToken = { readonly makesAdmin: boolean };

/** The token, when it is known, not expired and not used up. */
export const readRegistrationToken = async (
  { sql }: Db,
  token: string,
  now: number,
): Promise<RegistrationToken | undefined> => {
  const row = await sql
    .selectFrom('registration_tokens')
    .select('makes_admin')
    .where('token', '=', token)
    .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', now)]))
    .where((is) => is.or([is('uses_allowed', 'is', null), is('uses_allowed', '>', is.ref('uses'))]))
    .executeTakeFirst();
  return row && { makesAdmin: row.makes_admin };
};

/** Counts one use; undefined when the token holds no more. */
export const useRegistrationToken = async (
  { sql }: Tx,
  token: string,
  now: number,
): Promise<RegistrationToken | undefined> => {
  const row = await sql
    .updateTable('registration_tokens')
    .set((is) => ({ uses: is('uses', '+', 1) }))
    .where('token', '=', token)
    .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', now)]))
    .where((is) => is.or([is('uses_allowed', 'is', null), is('uses_allowed', '>', is.ref('uses'))]))
    .returning('makes_admin')
    .executeTakeFirst();
  return row && { makesAdmin: row.makes_admin };
};

/** The token that makes the first administrator: made once, given again until it is used; undefined from then on. */
export const offerFirstAdminToken = async (
  { sql }: Tx,
  newToken: string,
): Promise<string | undefined> => {
  const known = await sql
    .selectFrom('registration_tokens')
    .select(['token', 'uses'])
    .where('makes_admin', '=', true)
    .executeTakeFirst();
  if (known) return known.uses === 0 ? known.token : undefined;
  await sql
    .insertInto('registration_tokens')
    .values({ token: newToken, uses_allowed: 1, expires_at: null, makes_admin: true })
    .execute();
  return newToken;
};

export type ManagedToken = {
  readonly token: string;
  readonly uses: number;
  readonly usesAllowed: number | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
};

export const insertRegistrationToken = async (
  { sql }: Tx,
  { token, usesAllowed, expiresAt }: Omit<ManagedToken, 'uses'>,
): Promise<void> => {
  await sql
    .insertInto('registration_tokens')
    .values({ token, uses_allowed: usesAllowed ?? null, expires_at: expiresAt ?? null })
    .execute();
};

/** Those that administrators made; the first administrator's own is not among them. */
export const readRegistrationTokens = async ({ sql }: Db): Promise<readonly ManagedToken[]> => {
  const rows = await sql
    .selectFrom('registration_tokens')
    .select(['token', 'uses', 'uses_allowed', 'expires_at'])
    .where('makes_admin', '=', false)
    .orderBy('token')
    .execute();
  return rows.map(({ token, uses, uses_allowed, expires_at }) => ({
    token,
    uses,
    usesAllowed: uses_allowed ?? undefined,
    expiresAt: expires_at ?? undefined,
  }));
};

/** False when administrators have made no such token. */
export const deleteRegistrationToken = async ({ sql }: Tx, token: string): Promise<boolean> => {
  const { numDeletedRows } = await sql
    .deleteFrom('registration_tokens')
    .where('token', '=', token)
    .where('makes_admin', '=', false)
    .executeTakeFirst();
  return numDeletedRows === 1n;
};
