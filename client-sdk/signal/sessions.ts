import { encodeBase64, isObject, type JsonObject } from '@candor/federation';
import {
  type CiphertextMessage,
  CiphertextMessageType,
  ErrorCode,
  LibSignalErrorBase,
  PreKeySignalMessage,
  processPreKeyBundle,
  SessionRecord,
  SignalMessage,
  signalDecrypt,
  signalDecryptPreKey,
  signalEncrypt,
} from '@signalapp/libsignal-client';
import { Overlay } from '../stores/overlay.ts';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { protocolAddress } from './address.ts';
import { base64Bytes } from './base64-bytes.ts';
import { readBundle } from './bundle.ts';
import type { SessionContext } from './engine-context.ts';
import { type LibsignalStores, libsignalStores } from './libsignal-stores.ts';

/** One device's share of a pairwise message, as it stands under `ciphertext` in the event. */
export type PairwiseMessage = { readonly type: 2 | 3; readonly body: string };

export type Opened =
  | { readonly plaintext: Uint8Array; readonly reason?: undefined }
  | {
      readonly plaintext?: undefined;
      readonly reason:
        | 'malformed'
        | 'replayed'
        | 'one-time-key-used'
        | 'identity-differs'
        | 'decryption-failed';
    };

const readMessage = (value: unknown) => {
  if (!isObject(value)) return undefined;
  const body = base64Bytes(value['body']);
  try {
    if (body && value['type'] === CiphertextMessageType.PreKey) {
      return { preKey: PreKeySignalMessage.deserialize(body) };
    }
    if (body && value['type'] === CiphertextMessageType.Whisper) {
      return { whisper: SignalMessage.deserialize(body) };
    }
  } catch {
    return undefined;
  }
  return undefined;
};

const decrypt = (
  message: NonNullable<ReturnType<typeof readMessage>>,
  address: string,
  stores: LibsignalStores,
  context: SessionContext,
): Promise<Uint8Array> => {
  const from = protocolAddress(address);
  const own = protocolAddress(context.identity.address);
  const { sessions, identities, preKeys, signedPreKeys, kyberPreKeys } = stores;
  return message.preKey
    ? signalDecryptPreKey(
        message.preKey,
        from,
        own,
        sessions,
        identities,
        preKeys,
        signedPreKeys,
        kyberPreKeys,
      )
    : signalDecrypt(message.whisper, from, own, sessions, identities);
};

/** Pairwise sessions (PQXDH, then the Double Ratchet), one per device address. */
export const sessions = {
  /** Whether a message can be sent now; a session nobody answered ends after 30 days. */
  canSend: (tables: TableReader, context: SessionContext, address: string): boolean => {
    const row = tables.get('sessions', { address });
    const now = new Date(context.now());
    return row !== undefined && SessionRecord.deserialize(row.record).hasCurrentState(now);
  },

  /** Starts a new session from a claimed object; a session there was stays for late messages. False when the object is not this device's. */
  start: async (
    tables: TableWriter,
    context: SessionContext,
    device: Row<'devices'>,
    object: unknown,
  ): Promise<boolean> => {
    const bundle = readBundle(object, device);
    if (!bundle) return false;
    const overlay = new Overlay(tables);
    const stores = libsignalStores(overlay, context);
    try {
      await processPreKeyBundle(
        bundle,
        protocolAddress(device.address),
        protocolAddress(context.identity.address),
        stores.sessions,
        stores.identities,
        new Date(context.now()),
      );
    } catch {
      return false;
    }
    overlay.applyTo(tables);
    return true;
  },

  encrypt: async (
    tables: TableWriter,
    context: SessionContext,
    address: string,
    plaintext: Uint8Array<ArrayBuffer>,
  ): Promise<JsonObject & PairwiseMessage> => {
    const stores = libsignalStores(tables, context);
    const message: CiphertextMessage = await signalEncrypt(
      plaintext,
      protocolAddress(address),
      protocolAddress(context.identity.address),
      stores.sessions,
      stores.identities,
      new Date(context.now()),
    );
    const type = message.type() === CiphertextMessageType.PreKey ? 3 : 2;
    return { type, body: encodeBase64(message.serialize()) };
  },

  /** Decrypts what a known device sent; when that fails, the tables are as they were. */
  decrypt: async (
    tables: TableWriter,
    context: SessionContext,
    address: string,
    value: unknown,
  ): Promise<Opened> => {
    const message = readMessage(value);
    if (!message) return { reason: 'malformed' };
    const overlay = new Overlay(tables);
    const stores = libsignalStores(overlay, context);
    try {
      const plaintext = await decrypt(message, address, stores, context);
      overlay.applyTo(tables);
      return { plaintext };
    } catch (error) {
      if (LibSignalErrorBase.is(error, ErrorCode.DuplicatedMessage)) return { reason: 'replayed' };
      return { reason: stores.refusal() ?? 'decryption-failed' };
    }
  },
};
