import { encodeBase64 } from '@candor/federation';
import {
  Direction,
  IdentityChange,
  type IdentityKeyStore,
  KyberPreKeyRecord,
  type KyberPreKeyStore,
  PreKeyRecord,
  type PreKeyStore,
  type ProtocolAddress,
  PublicKey,
  SenderKeyRecord,
  type SenderKeyStore,
  SessionRecord,
  type SessionStore,
  SignedPreKeyRecord,
  type SignedPreKeyStore,
} from '@signalapp/libsignal-client';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { base64Bytes } from './base64-bytes.ts';
import { deviceDirectory } from './device-directory.ts';
import type { SessionContext } from './engine-context.ts';

/** Why one of our stores refused; libsignal hands its own errors on as text only. */
export type StoreRefusal = 'one-time-key-used' | 'replayed' | 'identity-differs';

export type LibsignalStores = {
  readonly sessions: SessionStore;
  readonly identities: IdentityKeyStore;
  readonly preKeys: PreKeyStore;
  readonly signedPreKeys: SignedPreKeyStore;
  readonly kyberPreKeys: KyberPreKeyStore;
  senderKeys(roomId: string): SenderKeyStore;
  /** The last refusal of these stores. */
  refusal(): StoreRefusal | undefined;
};

const sessionStore = (tables: TableWriter, now: () => number): SessionStore => {
  const find = (name: ProtocolAddress): SessionRecord | null => {
    const row = tables.get('sessions', { address: name.name() });
    return row ? SessionRecord.deserialize(row.record) : null;
  };
  return {
    getSession: async (name) => find(name),
    getExistingSessions: async (names) =>
      names.map((name) => {
        const record = find(name);
        if (!record) throw new Error(`no session with ${name.name()}`);
        return record;
      }),
    saveSession: async (name, record) => {
      const row = { address: name.name(), record: record.serialize(), updatedAt: now() };
      tables.put('sessions', row);
    },
  };
};

type Refuse = (refusal: StoreRefusal) => never;

const identityStore = (
  tables: TableWriter,
  { identity }: SessionContext,
  refuse: Refuse,
): IdentityKeyStore => {
  const find = (name: ProtocolAddress): PublicKey | null => {
    const device = deviceDirectory.byAddress(tables, name.name());
    const key = base64Bytes(device?.signalIdentityKey);
    return key ? PublicKey.deserialize(key) : null;
  };
  // The signed device keys decide which identity a device has, in both directions.
  const isKnown = (name: ProtocolAddress, key: PublicKey): boolean =>
    find(name)?.equals(key) ?? false;
  return {
    getIdentityKey: async () => identity.signalIdentity.privateKey,
    getIdentityKeyPair: async () => identity.signalIdentity,
    getLocalRegistrationId: async () => identity.registrationId,
    getIdentity: async (name) => find(name),
    saveIdentity: async (name, key) =>
      isKnown(name, key) ? IdentityChange.NewOrUnchanged : refuse('identity-differs'),
    isTrustedIdentity: async (name, key, direction) => {
      if (!isKnown(name, key)) return refuse('identity-differs');
      const device = deviceDirectory.byAddress(tables, name.name());
      return (
        device !== undefined &&
        (direction === Direction.Receiving || deviceDirectory.isEligible(tables, device))
      );
    },
  };
};

const preKeyStores = (tables: TableWriter, refuse: Refuse) => {
  const preKeys: PreKeyStore = {
    savePreKey: async (id, record) =>
      tables.put('oneTimePreKeys', { id, record: record.serialize() }),
    getPreKey: async (id) => {
      const row = tables.get('oneTimePreKeys', { id });
      return row ? PreKeyRecord.deserialize(row.record) : refuse('one-time-key-used');
    },
    removePreKey: async (id) => tables.delete('oneTimePreKeys', { id }),
  };
  const signedPreKeys: SignedPreKeyStore = {
    saveSignedPreKey: async (id, record) =>
      tables.put('signedPreKeys', {
        id,
        record: record.serialize(),
        createdAt: record.timestamp(),
        replacedAt: null,
      }),
    getSignedPreKey: async (id) => {
      const row = tables.get('signedPreKeys', { id });
      return row ? SignedPreKeyRecord.deserialize(row.record) : refuse('one-time-key-used');
    },
  };
  const findKyber = (id: number): Row<'kyberPreKeys'> =>
    tables.get('kyberPreKeys', { id }) ?? refuse('one-time-key-used');
  const kyberPreKeys: KyberPreKeyStore = {
    saveKyberPreKey: async (id, record) =>
      tables.put('kyberPreKeys', { ...findKyber(id), record: record.serialize() }),
    getKyberPreKey: async (id) => KyberPreKeyRecord.deserialize(findKyber(id).record),
    // libsignal leaves to the store that a one-time key is used once and a last-resort key once per message.
    markKyberPreKeyUsed: async (kyberPreKeyId, signedPreKeyId, baseKey) => {
      const row = findKyber(kyberPreKeyId);
      if (!row.lastResort) {
        tables.delete('kyberPreKeys', { id: kyberPreKeyId });
        return;
      }
      const preKeyMessageKey = encodeBase64(baseKey.serialize());
      const use = { kyberPreKeyId, signedPreKeyId, preKeyMessageKey };
      if (tables.get('lastResortUses', use)) refuse('replayed');
      tables.put('lastResortUses', use);
    },
  };
  return { preKeys, signedPreKeys, kyberPreKeys };
};

/** libsignal's stores over our tables; given an overlay, nothing is written until it is applied. */
export const libsignalStores = (tables: TableWriter, context: SessionContext): LibsignalStores => {
  let refused: StoreRefusal | undefined;
  const refuse = (refusal: StoreRefusal): never => {
    refused = refusal;
    throw new Error(refusal);
  };
  return {
    sessions: sessionStore(tables, context.now),
    identities: identityStore(tables, context, refuse),
    ...preKeyStores(tables, refuse),
    senderKeys: (roomId) => ({
      getSenderKey: async (name, distributionId) => {
        const row = tables.get('senderKeys', { address: name.name(), distributionId });
        return row ? SenderKeyRecord.deserialize(row.record) : null;
      },
      saveSenderKey: async (name, distributionId, record) => {
        const address = name.name();
        const known = tables.get('senderKeys', { address, distributionId });
        tables.put('senderKeys', {
          address,
          distributionId,
          record: record.serialize(),
          roomId: known?.roomId ?? roomId,
          firstIteration: known?.firstIteration ?? 0,
          createdAt: known?.createdAt ?? context.now(),
        });
      },
    }),
    refusal: () => refused,
  };
};
