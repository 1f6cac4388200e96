import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import {
  KEMKeyPair,
  KyberPreKeyRecord,
  PreKeyRecord,
  PrivateKey,
  SignedPreKeyRecord,
} from '@signalapp/libsignal-client';
import type { TableWriter } from '../stores/store.ts';
import type { Row, TableName } from '../stores/tables.ts';
import { makeBundle } from './bundle.ts';
import type { DeviceIdentity } from './device-identity.ts';
import type { EngineContext } from './engine-context.ts';
import { signalNames } from './signal-names.ts';

type Numbered = Extract<TableName, 'signedPreKeys' | 'kyberPreKeys'>;

// Ids of deleted keys must not come back: a late message would meet the wrong key.
const nextId = (tables: TableWriter, table: Numbered): number => {
  const id = tables.get('counters', { name: table })?.next ?? 1;
  tables.put('counters', { name: table, next: id + 1 });
  return id;
};

const makeSignedPreKey = (
  tables: TableWriter,
  { identity, now }: EngineContext,
): Row<'signedPreKeys'> => {
  const id = nextId(tables, 'signedPreKeys');
  const key = PrivateKey.generate();
  const signature = identity.signalIdentity.privateKey.sign(key.getPublicKey().serialize());
  const record = SignedPreKeyRecord.new(id, now(), key.getPublicKey(), key, signature).serialize();
  const row = { id, record, createdAt: now(), replacedAt: null };
  tables.put('signedPreKeys', row);
  return row;
};

/** The signed prekey new objects cite; another one once it is a week old. */
const currentSignedPreKey = (tables: TableWriter, context: EngineContext): Row<'signedPreKeys'> => {
  const now = context.now();
  const current = tables.all('signedPreKeys', { where: { replacedAt: null } })[0];
  if (current && now - current.createdAt < limits.signedPreKeyLifetimeMs) return current;
  if (current) tables.put('signedPreKeys', { ...current, replacedAt: now });
  return makeSignedPreKey(tables, context);
};

const makeKyberPreKey = (
  tables: TableWriter,
  context: EngineContext,
  lastResort: boolean,
): number => {
  const { identity, now } = context;
  const signedPreKeyId = currentSignedPreKey(tables, context).id;
  const id = nextId(tables, 'kyberPreKeys');
  const pair = KEMKeyPair.generate();
  const signature = identity.signalIdentity.privateKey.sign(pair.getPublicKey().serialize());
  tables.put('kyberPreKeys', {
    id,
    record: KyberPreKeyRecord.new(id, now(), pair, signature).serialize(),
    signedPreKeyId,
    lastResort,
    uploaded: false,
    createdAt: now(),
    replacedAt: null,
  });
  return id;
};

const makeOneTimeKeys = (tables: TableWriter, context: EngineContext): void => {
  const id = makeKyberPreKey(tables, context, false);
  const key = PrivateKey.generate();
  const record = PreKeyRecord.new(id, key.getPublicKey(), key).serialize();
  tables.put('oneTimePreKeys', { id, record });
};

/** Rebuilt from the stored records, an object is byte for byte the same at a second upload. */
const bundleObject = (
  tables: TableWriter,
  identity: DeviceIdentity,
  row: Row<'kyberPreKeys'>,
): JsonObject | undefined => {
  const signed = tables.get('signedPreKeys', { id: row.signedPreKeyId });
  const oneTime = tables.get('oneTimePreKeys', { id: row.id });
  if (!signed || (!oneTime && !row.lastResort)) return undefined;
  return makeBundle(identity, {
    signedPreKey: SignedPreKeyRecord.deserialize(signed.record),
    kyberPreKey: KyberPreKeyRecord.deserialize(row.record),
    ...(oneTime && !row.lastResort
      ? { oneTimePreKey: PreKeyRecord.deserialize(oneTime.record) }
      : {}),
  });
};

const keyName = (id: number): string => `${signalNames.bundle}:${id.toString(36).padStart(6, '0')}`;

const replaceFallback = (tables: TableWriter, context: EngineContext): void => {
  for (const row of tables.all('kyberPreKeys', { where: { lastResort: true, replacedAt: null } })) {
    tables.put('kyberPreKeys', { ...row, replacedAt: context.now() });
  }
  makeKyberPreKey(tables, context, true);
};

// A server that says again and again that all keys are used must not keep us busy, nor fill the store.
const mayMake = (tables: TableWriter, now: number): boolean => {
  const name = 'bundlesAfter';
  if ((tables.get('counters', { name })?.next ?? 0) > now) return false;
  tables.put('counters', { name, next: now + limits.bundlesIntervalMs });
  return true;
};

const forgetKyber = (tables: TableWriter, row: Row<'kyberPreKeys'>): void => {
  tables.delete('kyberPreKeys', { id: row.id });
  tables.delete('oneTimePreKeys', { id: row.lastResort ? -1 : row.id });
  tables.delete('lastResortUses', { kyberPreKeyId: row.id });
};

const forgetSurplus = (tables: TableWriter): void => {
  const where = { lastResort: false };
  const limit = tables.count('kyberPreKeys', where) - limits.bundlesStoredMax;
  if (limit <= 0) return;
  for (const row of tables.all('kyberPreKeys', { where, orderBy: 'id', limit })) {
    forgetKyber(tables, row);
  }
};

/** The one-time and fallback objects on the server: how many there are, which go up, which are forgotten. */
export const preKeys = {
  /** Makes what is missing, given what the server said it holds. */
  replenish: (tables: TableWriter, context: EngineContext): void => {
    const { userId } = context.identity;
    const uploads = tables.get('keyUploads', { userId });
    const waiting = tables.count('kyberPreKeys', { lastResort: false, uploaded: false });
    const available = (uploads?.oneTimeKeysOnServer ?? 0) + waiting;
    if (available < limits.bundlesRefillBelow && mayMake(tables, context.now())) {
      for (let i = available; i < limits.bundlesUploadedTarget; i++)
        makeOneTimeKeys(tables, context);
      forgetSurplus(tables);
    }
    const where = { lastResort: true, replacedAt: null };
    const present = tables.all('kyberPreKeys', { where })[0];
    const age = context.now() - (present?.createdAt ?? -Infinity);
    const isWanted = !uploads?.fallbackUnused && present?.uploaded !== false;
    if (isWanted && age >= limits.fallbackKeyAgeMsMin) replaceFallback(tables, context);
  },

  /** What still has to be uploaded: `one_time_keys` and `fallback_keys`, undefined when nothing. */
  toUpload: (tables: TableWriter, identity: DeviceIdentity): JsonObject | undefined => {
    const rows = tables.all('kyberPreKeys', { where: { uploaded: false, replacedAt: null } });
    const objects = (lastResort: boolean): JsonObject =>
      Object.fromEntries(
        rows.flatMap((row) => {
          const object = row.lastResort === lastResort && bundleObject(tables, identity, row);
          return object ? [[keyName(row.id), object]] : [];
        }),
      );
    if (rows.length === 0) return undefined;
    return { one_time_keys: objects(false), fallback_keys: objects(true) };
  },

  markUploaded: (tables: TableWriter, body: JsonObject): void => {
    const names = new Set(
      [body['one_time_keys'], body['fallback_keys']].flatMap((keys) => Object.keys(keys ?? {})),
    );
    for (const row of tables.all('kyberPreKeys', { where: { uploaded: false } })) {
      if (names.has(keyName(row.id))) tables.put('kyberPreKeys', { ...row, uploaded: true });
    }
  },

  /**
   * The server did not take these one-time objects, perhaps because it has others under their ids.
   * They are not offered again, and the next ones get ids further on.
   */
  giveUp: (tables: TableWriter, { one_time_keys: objects }: JsonObject): void => {
    if (Object.keys(objects ?? {}).length === 0) return;
    preKeys.markUploaded(tables, { one_time_keys: objects ?? {} });
    const name = 'kyberPreKeys';
    const next = nextId(tables, name) + limits.bundlesStoredMax;
    tables.put('counters', { name, next });
  },

  /** Forgets private keys that no message can need any more. */
  forgetOld: (tables: TableWriter, now: number): void => {
    for (const row of tables.all('kyberPreKeys', { where: { lastResort: true } })) {
      const { replacedAt } = row;
      if (replacedAt !== null && now - replacedAt > limits.replacedPreKeyKeptMs) {
        forgetKyber(tables, row);
      }
    }
    for (const row of tables.all('signedPreKeys')) {
      const cited = tables.count('kyberPreKeys', { signedPreKeyId: row.id }) > 0;
      if (row.replacedAt !== null && !cited) tables.delete('signedPreKeys', { id: row.id });
    }
  },
};
