import type { JsonObject } from '@candor/federation';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { deviceDirectory } from './device-directory.ts';
import type { EngineContext } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { type Envelope, plaintext } from './plaintext.ts';
import { senderKeys } from './sender-keys.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';

type Device = Row<'devices'>;

/** An `m.room.encrypted` event as it came; without `roomId` it is a to-device message. */
export type Incoming = {
  readonly sender: string;
  readonly content: JsonObject;
  readonly roomId?: string;
};

export type Opening =
  | { readonly state: 'decrypted'; readonly envelope: Envelope; readonly device: Device }
  /** To be tried again; `ask` when the sending device has to help. */
  | {
      readonly state: 'waiting';
      readonly reason: string;
      readonly ask?: Device;
    }
  | { readonly state: 'undecryptable' | 'refused'; readonly reason: string };

const refused = (reason: string): Opening => ({ state: 'refused', reason });

const isInternal = (type: string): boolean => type.startsWith('dev.candor.signal.');

/** The last check: the envelope belongs to exactly this event, and its type may travel this way. */
const accept = (
  envelope: Envelope | undefined,
  device: Device,
  incoming: Incoming,
  distributionId?: string,
): Opening => {
  if (!envelope) return refused('malformed');
  const { roomId } = incoming;
  const field = plaintext.contradiction(envelope, {
    roomId: roomId ?? envelope.room_id,
    sender: device.userId,
    senderDevice: device.deviceId,
    ...(distributionId === undefined ? {} : { distributionId }),
  });
  if (field) return refused(`envelope-contradicts-${field}`);
  const mayTravel =
    roomId === undefined
      ? isInternal(envelope.type) || envelope.room_id === ''
      : !isInternal(envelope.type) && envelope.type !== signalNames.encryptedEvent;
  return mayTravel ? { state: 'decrypted', envelope, device } : refused('wrong-channel');
};

const openPart = (
  tables: TableWriter,
  device: Device,
  incoming: Incoming,
  hash: string,
): Opening => {
  const part = tables.get('messageParts', { hash });
  if (!part) return { state: 'waiting', reason: 'missing-part', ask: device };
  if (part.address !== device.address) return refused('forged');
  tables.delete('messageParts', { hash });
  const { envelope } = part;
  return accept(plaintext.fromJson(envelope), device, incoming);
};

const openPairwise = async (
  tables: TableWriter,
  context: EngineContext,
  device: Device,
  incoming: Incoming,
): Promise<Opening> => {
  const { content } = incoming;
  const hash = memberOf(content['part_hashes'], context.identity.address);
  if (typeof hash === 'string' && incoming.roomId !== undefined) {
    return openPart(tables, device, incoming, hash);
  }
  const share = memberOf(content['ciphertext'], context.identity.address);
  if (share === undefined) return { state: 'undecryptable', reason: 'not-for-this-device' };
  const opened = await sessions.decrypt(tables, context, device.address, share);
  if (opened.plaintext) return accept(plaintext.read(opened.plaintext), device, incoming);
  return opened.reason === 'decryption-failed' || opened.reason === 'one-time-key-used'
    ? { state: 'waiting', reason: opened.reason, ask: device }
    : refused(opened.reason);
};

const openGroup = async (
  tables: TableWriter,
  context: EngineContext,
  device: Device,
  incoming: Incoming & { readonly roomId: string },
): Promise<Opening> => {
  const { content, roomId } = incoming;
  const opened = await senderKeys.decrypt(tables, context, device.address, roomId, content);
  const distributionId = String(content['distribution_id']);
  if (opened.plaintext) {
    return accept(plaintext.read(opened.plaintext), device, incoming, distributionId);
  }
  if (opened.reason === 'missing-distribution') {
    return { state: 'waiting', reason: opened.reason, ask: device };
  }
  const state = opened.reason === 'before-distribution' ? 'undecryptable' : 'refused';
  return { state, reason: opened.reason };
};

/** Decrypts and checks a message of another device. Nothing is written unless it was read in full. */
export const openMessage = async (
  tables: TableWriter,
  context: EngineContext,
  incoming: Incoming,
): Promise<Opening> => {
  const { sender, content, roomId } = incoming;
  const { algorithm, sender_device: deviceId } = content;
  if (typeof deviceId !== 'string') return refused('malformed');
  const device = tables.get('devices', { userId: sender, deviceId });
  const doubt = deviceDirectory.senderDoubt(tables, sender, device);
  if (doubt === 'device-keys-changed') return refused(doubt);
  if (doubt !== undefined || !device)
    return { state: 'waiting', reason: doubt ?? 'device-unknown' };
  if (algorithm === signalNames.pairwise) return openPairwise(tables, context, device, incoming);
  if (algorithm === signalNames.group && roomId !== undefined) {
    return openGroup(tables, context, device, { ...incoming, roomId });
  }
  return { state: 'undecryptable', reason: 'unknown-algorithm' };
};
