import {
  IdentityKeyPair,
  KyberPreKeyRecord,
  PreKeyRecord,
  SignedPreKeyRecord,
} from '@signalapp/libsignal-client';
import { archiveKeys } from '../archive/archive-keys.ts';
import { openSqlcipherStore } from '../stores/sqlcipher-store.ts';
import type { TableReader } from '../stores/store.ts';
import { fieldsOf } from './protocol-buffers.ts';

export type PrivateKey = { readonly name: string; readonly bytes: Uint8Array };

/** The values at a path of field numbers. */
const valuesAt = (message: Uint8Array, [first, ...rest]: readonly number[]): Uint8Array[] => {
  if (first === undefined) return [message];
  const inside = fieldsOf(message) ?? [];
  return inside.flatMap(({ field, bytes }) =>
    field === first && bytes ? valuesAt(bytes, rest) : [],
  );
};

// The secret fields of libsignal's `SessionStructure` and `SenderKeyStateStructure`.
const sessionSecrets = {
  'root key': [1, 4],
  'ratchet key': [1, 6, 2],
  'sending chain key': [1, 6, 3, 2],
  'receiving chain key': [1, 7, 3, 2],
} as const;
const senderKeySecrets = { 'chain key': [1, 2, 2], 'signing key': [1, 3, 2] } as const;

const secretsIn = (
  of: string,
  record: Uint8Array,
  paths: Readonly<Record<string, readonly number[]>>,
): PrivateKey[] =>
  Object.entries(paths).flatMap(([name, path]) =>
    valuesAt(record, path)
      .filter(({ length }) => length >= 32)
      .map((bytes) => ({ name: `${name} of ${of}`, bytes })),
  );

const longTermKeys = (store: TableReader): PrivateKey[] => [
  ...store.all('deviceIdentity').flatMap(({ deviceKeySeed, signalIdentity }) => [
    { name: 'device key', bytes: deviceKeySeed },
    {
      name: 'Signal identity key',
      bytes: IdentityKeyPair.deserialize(signalIdentity).privateKey.serialize(),
    },
  ]),
  ...store.all('crossSigningSecrets').flatMap(({ master, selfSigning, userSigning }) => [
    { name: 'master key', bytes: master },
    { name: 'self-signing key', bytes: selfSigning },
    { name: 'user-signing key', bytes: userSigning },
  ]),
  ...store.all('archive').flatMap(({ secret }) => {
    const { privateKey, sealingKey, idKey } = archiveKeys(secret);
    const der = privateKey.export({ format: 'der', type: 'pkcs8' });
    return [
      { name: 'archive secret', bytes: secret },
      { name: 'archive private key', bytes: der.subarray(-32) },
      { name: 'archive sealing key', bytes: sealingKey },
      { name: 'archive id key', bytes: idKey },
    ];
  }),
];

const preKeys = (store: TableReader): PrivateKey[] => [
  ...store.all('signedPreKeys').map(({ id, record }) => ({
    name: `signed prekey ${id}`,
    bytes: SignedPreKeyRecord.deserialize(record).privateKey().serialize(),
  })),
  ...store.all('kyberPreKeys').map(({ id, record }) => ({
    name: `Kyber prekey ${id}`,
    bytes: KyberPreKeyRecord.deserialize(record).secretKey().serialize().subarray(0, 64),
  })),
  ...store.all('oneTimePreKeys').map(({ id, record }) => ({
    name: `one-time prekey ${id}`,
    bytes: PreKeyRecord.deserialize(record).privateKey().serialize(),
  })),
];

/** Every private key and chain key in a device's store, which no other program has open: to be searched for elsewhere. */
export const privateKeysOf = (store: { file: string; passphrase: string }): PrivateKey[] => {
  const opened = openSqlcipherStore(store.file, store.passphrase);
  try {
    return [
      ...longTermKeys(opened),
      ...preKeys(opened),
      ...opened
        .all('sessions')
        .flatMap(({ address, record }) => secretsIn(`session ${address}`, record, sessionSecrets)),
      ...opened
        .all('senderKeys')
        .flatMap(({ distributionId, record }) =>
          secretsIn(`distribution ${distributionId}`, record, senderKeySecrets),
        ),
    ];
  } finally {
    opened.close();
  }
};
