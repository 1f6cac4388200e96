import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row, WarningKind } from '../stores/tables.ts';

type User = Row<'users'>;
type Warning = Row<'warnings'>;

/**
 * Trust on first use, by user: the first master key seen is pinned (`pinned`), comparing safety
 * numbers makes it `verified`; another key makes it `changed`, which blocks sending until the user
 * accepts it (`acknowledged`) or verifies it.
 */
export const trust = {
  /** The user's row after `/keys/query` showed these keys; a missing key changes nothing. */
  see: (user: User, masterKey: string | undefined, selfSigningKey: string | undefined): User => {
    if (masterKey === undefined) return user;
    if (user.masterKey === null) {
      return {
        ...user,
        trust: 'pinned',
        firstSeenMasterKey: user.firstSeenMasterKey ?? masterKey,
        masterKey,
        selfSigningKey: selfSigningKey ?? null,
      };
    }
    if (user.masterKey === masterKey && user.trust !== 'changed') {
      return { ...user, selfSigningKey: selfSigningKey ?? user.selfSigningKey };
    }
    return {
      ...user,
      trust: 'changed',
      offeredMasterKey: masterKey,
      offeredSelfSigningKey: selfSigningKey ?? null,
    };
  },

  /** The person accepts the user's present key, `verified` after comparing safety numbers. */
  accept: (user: User, how: 'acknowledged' | 'verified'): User => {
    if (user.trust === 'unknown' || user.masterKey === null) return user;
    if (user.trust !== 'changed') return how === 'verified' ? { ...user, trust: how } : user;
    return {
      ...user,
      trust: how,
      masterKey: user.offeredMasterKey,
      selfSigningKey: user.offeredSelfSigningKey,
      offeredMasterKey: null,
      offeredSelfSigningKey: null,
    };
  },

  blocksSending: (user: User | undefined): boolean => user?.trust === 'changed',
};

/** Warnings stay in the store until the person has dealt with them. */
export const warnings = {
  raise: (
    tables: TableWriter,
    warning: Omit<Warning, 'resolvedAt' | 'deviceId'> & { readonly deviceId?: string },
  ): void => {
    const row = { ...warning, deviceId: warning.deviceId ?? '', resolvedAt: null };
    const known = tables.get('warnings', row);
    const same = known && JSON.stringify(known.detail) === JSON.stringify(row.detail);
    if (!same) tables.put('warnings', row);
  },

  open: (tables: TableReader): Warning[] =>
    tables.all('warnings', { where: { resolvedAt: null }, orderBy: 'createdAt' }),

  resolve: (
    tables: TableWriter,
    userId: string,
    kinds: readonly WarningKind[],
    now: number,
  ): void => {
    for (const row of tables.all('warnings', { where: { userId, resolvedAt: null } })) {
      if (kinds.includes(row.kind)) tables.put('warnings', { ...row, resolvedAt: now });
    }
  },
};
