import type { Json, JsonObject } from '@candor/federation';

/**
 * Every table of the local store: its columns and its primary key. The row types come from here,
 * the SQL that makes the tables is in `migrations.ts`, and a test keeps the two equal.
 */
type Bytes = Uint8Array<ArrayBuffer>;
type ColumnKind = 'text' | 'integer' | 'blob' | 'boolean' | 'json';
/** `value` exists only for the type checker: the type of the column's value. */
export type Column<T = unknown> = { readonly kind: ColumnKind; readonly value?: T };

const text: Column<string> = { kind: 'text' };
const textOrNull: Column<string | null> = { kind: 'text' };
const integer: Column<number> = { kind: 'integer' };
const integerOrNull: Column<number | null> = { kind: 'integer' };
const blob: Column<Bytes> = { kind: 'blob' };
const boolean: Column<boolean> = { kind: 'boolean' };
const json = <T>(): Column<T> => ({ kind: 'json' });
const oneOf = <T extends string | null>(): Column<T> => ({ kind: 'text' });

/** How a user's identity (cross-signing master key) is trusted; the rules are in `verification/trust.ts`. */
export type TrustState = 'unknown' | 'pinned' | 'verified' | 'changed' | 'acknowledged';
/**
 * `waiting` events are tried again when keys, distributions or answers arrive; the others are final.
 * `restored` ones were read from the archive instead of a Signal session.
 */
export type TimelineState =
  | 'decrypted'
  | 'restored'
  | 'waiting'
  | 'undecryptable'
  | 'refused'
  | 'clear';
export type WarningKind =
  | 'identity-changed'
  | 'device-keys-changed'
  | 'own-device-keys-differ'
  | 'own-identity-differs'
  | 'archive-changed';

/** Why nothing goes into the archive at the moment: another version took its place, one that nobody trusted signed, or none. */
export type ArchiveStop = 'replaced' | 'untrusted' | 'deleted' | null;

export const tables = {
  /** Who is signed in. One row, written by the client. */
  account: {
    columns: {
      userId: text,
      deviceId: text,
      homeserverUrl: textOrNull,
      accessToken: textOrNull,
      refreshToken: textOrNull,
      syncToken: textOrNull,
    },
    key: ['userId'],
  },
  /** Whatever else the client has to remember. */
  clientState: { columns: { name: text, value: json<Json>() }, key: ['name'] },

  /** Numbers that only go up, such as the ids of prekeys. */
  counters: { columns: { name: text, next: integer }, key: ['name'] },

  /** This device's long-term keys. One row, written once. */
  deviceIdentity: {
    columns: {
      userId: text,
      deviceId: text,
      deviceKeySeed: blob,
      signalIdentity: blob,
      registrationId: integer,
    },
    key: ['userId'],
  },
  /** What the homeserver holds of ours. One row. */
  keyUploads: {
    columns: {
      userId: text,
      deviceKeysUploaded: boolean,
      oneTimeKeysOnServer: integerOrNull,
      fallbackUnused: boolean,
    },
    key: ['userId'],
  },
  /** The private halves of our user's cross-signing keys, when this device has them. */
  crossSigningSecrets: {
    columns: { userId: text, master: blob, selfSigning: blob, userSigning: blob },
    key: ['userId'],
  },
  /** Public cross-signing material still to be uploaded. */
  crossSigningUploads: {
    columns: {
      operation: oneOf<'uploadCrossSigningKeys' | 'uploadCrossSigningSignatures'>(),
      body: json<JsonObject>(),
    },
    key: ['operation'],
  },

  signedPreKeys: {
    columns: { id: integer, record: blob, createdAt: integer, replacedAt: integerOrNull },
    key: ['id'],
  },
  /** One row per bundle object; a last-resort row belongs to the fallback object. */
  kyberPreKeys: {
    columns: {
      id: integer,
      record: blob,
      signedPreKeyId: integer,
      lastResort: boolean,
      uploaded: boolean,
      createdAt: integer,
      replacedAt: integerOrNull,
    },
    key: ['id'],
  },
  oneTimePreKeys: { columns: { id: integer, record: blob }, key: ['id'] },
  /** The tuples a last-resort Kyber key was used with; the same tuple again is a replay. */
  lastResortUses: {
    columns: { kyberPreKeyId: integer, signedPreKeyId: integer, preKeyMessageKey: text },
    key: ['kyberPreKeyId', 'signedPreKeyId', 'preKeyMessageKey'],
  },

  sessions: {
    columns: { address: text, record: blob, updatedAt: integer },
    key: ['address'],
  },
  senderKeys: {
    columns: {
      address: text,
      distributionId: text,
      record: blob,
      roomId: text,
      /** The chain's step from which we were given it; what came before is not for us. */
      firstIteration: integer,
      createdAt: integer,
    },
    key: ['address', 'distributionId'],
  },
  /** Our own epochs: one distribution id per room, device and epoch. */
  senderKeyEpochs: {
    columns: {
      distributionId: text,
      roomId: text,
      createdAt: integer,
      messages: integer,
      endedAt: integerOrNull,
    },
    key: ['distributionId'],
  },
  /** Which device has which distribution, with the bytes it was given. */
  senderKeyRecipients: {
    columns: {
      distributionId: text,
      address: text,
      userId: text,
      deviceId: text,
      distribution: blob,
    },
    key: ['distributionId', 'address'],
  },

  /** Users of whom keys are known; their devices' keys and the pinned master key stay for good. */
  users: {
    columns: {
      userId: text,
      outdated: boolean,
      /** Raised at each change, so that an answer to an older query does not clear `outdated`. */
      generation: integer,
      queryAfter: integer,
      queriedAt: integerOrNull,
      trust: oneOf<TrustState>(),
      firstSeenMasterKey: textOrNull,
      masterKey: textOrNull,
      selfSigningKey: textOrNull,
      offeredMasterKey: textOrNull,
      offeredSelfSigningKey: textOrNull,
      /** False when no encrypted room is shared: the server does not tell of changes, and nobody asks. */
      tracked: boolean,
    },
    key: ['userId'],
  },
  /** Devices are never deleted: a device id keeps its keys for good. */
  devices: {
    columns: {
      userId: text,
      deviceId: text,
      address: text,
      ed25519Key: text,
      signalIdentityKey: textOrNull,
      algorithms: json<readonly string[]>(),
      displayName: textOrNull,
      /** The self-signing key that was seen to sign this device, if one was. */
      signedBy: textOrNull,
      deleted: boolean,
      keysChanged: boolean,
      claimAfter: integer,
    },
    key: ['userId', 'deviceId'],
  },
  warnings: {
    columns: {
      userId: text,
      kind: oneOf<WarningKind>(),
      deviceId: text,
      detail: json<JsonObject>(),
      createdAt: integer,
      resolvedAt: integerOrNull,
    },
    key: ['userId', 'kind', 'deviceId'],
  },

  rooms: {
    columns: {
      roomId: text,
      /** Content of `m.room.encryption`; once set it is never removed. */
      encryption: json<JsonObject | null>(),
      directUserId: textOrNull,
      summary: json<JsonObject>(),
    },
    key: ['roomId'],
  },
  members: {
    columns: { roomId: text, userId: text, membership: text, displayName: textOrNull },
    key: ['roomId', 'userId'],
  },
  timeline: {
    columns: {
      roomId: text,
      eventId: text,
      position: integer,
      /** Sent by this device and not seen in a sync yet, which will give the event its place. */
      localEcho: boolean,
      sender: text,
      senderDevice: textOrNull,
      type: text,
      content: json<JsonObject | null>(),
      /** The event's content as it came, kept until it is read or refused for good. */
      ciphertext: json<JsonObject | null>(),
      state: oneOf<TimelineState>(),
      reason: textOrNull,
      /** Of group messages: which of the sender's distributions they need. */
      distributionId: textOrNull,
      /** Of large direct messages: the hash of this device's part. */
      partHash: textOrNull,
      originServerTs: integer,
      txnId: textOrNull,
      /** Addresses an own pairwise message was encrypted to; only they may ask for it again. */
      recipients: json<readonly string[] | null>(),
      /** The archive has it; of redacted events: has to forget it. */
      archived: boolean,
    },
    key: ['roomId', 'eventId'],
  },

  sendQueue: {
    columns: {
      txnId: text,
      position: integer,
      roomId: text,
      type: text,
      content: json<JsonObject>(),
      state: oneOf<'queued' | 'encrypted' | 'failed'>(),
      createdAt: integer,
      encryptedContent: json<JsonObject | null>(),
      /** SHA-256 of the encrypted content: how our own event is known when it comes back. */
      contentHash: textOrNull,
      distributionId: textOrNull,
      recipients: json<readonly string[] | null>(),
      error: textOrNull,
    },
    key: ['txnId'],
  },
  toDeviceOutbox: {
    columns: {
      txnId: text,
      position: integer,
      eventType: text,
      messages: json<JsonObject>(),
      /** The queued room event that goes out only after this message. */
      beforeTxnId: textOrNull,
      createdAt: integer,
    },
    key: ['txnId'],
  },
  /** Encrypted to-device messages of devices whose keys are not known or not trusted yet. */
  pendingToDevice: {
    columns: {
      position: integer,
      sender: text,
      senderDevice: text,
      content: json<JsonObject>(),
      receivedAt: integer,
    },
    key: ['position'],
  },
  /** Parts of large direct messages, read before their room event came. */
  messageParts: {
    columns: { hash: text, address: text, envelope: json<JsonObject>(), receivedAt: integer },
    key: ['hash'],
  },
  retryRequests: {
    columns: {
      roomId: text,
      eventId: text,
      userId: text,
      deviceId: text,
      address: text,
      dueAt: integer,
      attempts: integer,
      open: boolean,
    },
    key: ['roomId', 'eventId'],
  },
  /** When a device was last answered, so that asking cannot be used to keep us busy. */
  retryAnswers: {
    columns: { address: text, eventId: text, answers: integer, answeredAt: integer },
    key: ['address', 'eventId'],
  },
  /** The user's archive, when this device takes part in it. One row. */
  archive: {
    columns: {
      userId: text,
      /** The backup version on the server. */
      version: text,
      secret: blob,
      /** Why nothing goes into it at the moment. */
      stopped: oneOf<ArchiveStop>(),
    },
    key: ['userId'],
  },
  /** Secrets this device asked the user's other devices for. */
  secretRequests: {
    columns: { requestId: text, name: text, requestedAt: integer },
    key: ['requestId'],
  },
} as const satisfies Record<string, { columns: Record<string, Column>; key: readonly string[] }>;

type Tables = typeof tables;
export type TableName = keyof Tables;
export type ColumnName<T extends TableName> = keyof Tables[T]['columns'] & string;
type ValueOf<C> = C extends Column<infer V> ? V : never;
/** One row of a table. */
export type Row<T extends TableName> = {
  readonly [C in keyof Tables[T]['columns']]: ValueOf<Tables[T]['columns'][C]>;
};
/** The primary key of a row. */
export type Key<T extends TableName> = Pick<
  Row<T>,
  Extract<Tables[T]['key'][number], keyof Row<T>>
>;
