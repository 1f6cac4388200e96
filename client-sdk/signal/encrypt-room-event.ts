import { encodeBase64, type JsonObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { trust } from '../verification/trust.ts';
import { deviceDirectory } from './device-directory.ts';
import type { EngineContext } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { type Envelope, plaintext } from './plaintext.ts';
import { type Rotation, senderKeys } from './sender-keys.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';
import { partHash } from './to-device-events.ts';
import { type ToDeviceMessage, toDeviceOutbox } from './to-device-outbox.ts';
import { yieldEvery } from './yield-every.ts';

type Device = Row<'devices'>;

export type OutgoingEvent = {
  readonly txnId: string;
  readonly roomId: string;
  readonly type: string;
  readonly content: JsonObject;
  /** A room of two users: each message is encrypted to each device, without Sender Keys. */
  readonly direct: boolean;
  /** Every user who may read the event: joined, and invited where the history rule says so. */
  readonly members: readonly string[];
  readonly rotation?: Rotation;
};

export type Encrypted = {
  readonly content: JsonObject;
  readonly distributionId: string | null;
  readonly recipients: readonly string[] | null;
};

/** A device that does not get a message, and why. */
export type Withheld = {
  readonly userId: string;
  readonly deviceId: string;
  readonly reason: 'not-signed' | 'keys-changed' | 'no-signal' | 'no-one-time-key';
};

const doubtOf = (device: Device): Withheld['reason'] => {
  if (device.keysChanged) return 'keys-changed';
  return device.signalIdentityKey === null ? 'no-signal' : 'not-signed';
};

/** Who gets an event: the devices that may, those left out, and the users whose changed identity blocks it. */
export const audienceOf = (tables: TableReader, context: EngineContext, event: OutgoingEvent) => {
  const { identity } = context;
  const userIds = new Set([...event.members, identity.userId]);
  const blocked = [...userIds].filter((userId) =>
    trust.blocksSending(tables.get('users', { userId })),
  );
  const devices: Device[] = [];
  const withheld: Withheld[] = [];
  for (const userId of userIds) {
    for (const device of tables.all('devices', { where: { userId, deleted: false } })) {
      const { deviceId, address } = device;
      if (address === identity.address) continue;
      if (deviceDirectory.isEligible(tables, device)) devices.push(device);
      else withheld.push({ userId, deviceId, reason: doubtOf(device) });
    }
  }
  return { userIds, blocked, devices, withheld };
};

const envelopeOf = (
  { identity }: EngineContext,
  event: OutgoingEvent,
  distributionId?: string,
): Envelope => {
  const { 'm.relates_to': _outside, ...content } = event.content;
  if (Buffer.byteLength(JSON.stringify(content)) > limits.messageContentBytesMax) {
    throw new MatrixError('M_TOO_LARGE', 'the content of the message is too large to encrypt');
  }
  return {
    v: 1,
    room_id: event.roomId,
    sender: identity.userId,
    sender_device: identity.deviceId,
    type: event.type,
    content,
    txn_id: event.txnId,
    ...(distributionId === undefined ? {} : { distribution_id: distributionId }),
  };
};

/** The outer content: the algorithm's fields, and the relation where servers can see it. */
const outerContent = (
  context: EngineContext,
  event: OutgoingEvent,
  fields: JsonObject,
): JsonObject => {
  const relation = memberOf(event.content, 'm.relates_to') as JsonObject | undefined;
  return {
    ...fields,
    sender_device: context.identity.deviceId,
    ...(relation === undefined ? {} : { 'm.relates_to': relation }),
  };
};

const asParts = async (
  tables: TableWriter,
  context: EngineContext,
  event: OutgoingEvent,
  envelope: Envelope,
  devices: readonly Device[],
): Promise<JsonObject> => {
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  const messages: ToDeviceMessage[] = [];
  const hashes: [string, string][] = [];
  for (const device of devices) {
    const part = { type: signalNames.part, roomId: event.roomId, content: { ...envelope } };
    const message = await toDeviceOutbox.encrypt(tables, context, device, part);
    const share = memberOf(message.content['ciphertext'], device.address);
    hashes.push([device.address, partHash(String(memberOf(share, 'body')))]);
    messages.push(message);
    await pause();
  }
  toDeviceOutbox.add(tables, context, messages, event.txnId);
  return outerContent(context, event, {
    algorithm: signalNames.pairwise,
    part_hashes: Object.fromEntries(hashes),
  });
};

/** A direct message: one share per device in the event, or as parts beside it when that grows too large. */
export const encryptDirect = async (
  tables: TableWriter,
  context: EngineContext,
  event: OutgoingEvent,
  devices: readonly Device[],
): Promise<Encrypted> => {
  if (devices.length > limits.directDevicesMax) {
    throw new MatrixError('M_TOO_LARGE', 'a direct room has too many devices');
  }
  const recipients = devices.map(({ address }) => address);
  const envelope = envelopeOf(context, event);
  const bytes = plaintext.write(envelope);
  // Base64 makes three bytes four; a first message carries about two kilobytes of keys beside them.
  const estimate = devices.length * (bytes.length * 1.34 + 2_600);
  if (devices.length > limits.directEventDevicesMax || estimate > limits.directEventBytesMax) {
    const content = await asParts(tables, context, event, envelope, devices);
    return { content, distributionId: null, recipients };
  }
  const shares: [string, JsonObject][] = [];
  for (const { address } of devices) {
    shares.push([address, await sessions.encrypt(tables, context, address, bytes)]);
  }
  const content = outerContent(context, event, {
    algorithm: signalNames.pairwise,
    ciphertext: Object.fromEntries(shares),
  });
  return { content, distributionId: null, recipients };
};

/** A group message, after the distribution has been queued for every device that lacks it. */
export const encryptGroup = async (
  tables: TableWriter,
  context: EngineContext,
  event: OutgoingEvent,
  distributionId: string,
  lacking: readonly Device[],
): Promise<Encrypted> => {
  const { roomId, txnId } = event;
  const bytes = plaintext.write(envelopeOf(context, event, distributionId));
  if (lacking.length > 0) {
    const distribution = await senderKeys.distribution(tables, context, roomId, distributionId);
    const content = { distribution_id: distributionId, distribution: encodeBase64(distribution) };
    const message = { type: signalNames.distribution, roomId, content };
    const pause = yieldEvery(limits.eventLoopHoldMsMax);
    const messages: ToDeviceMessage[] = [];
    for (const device of lacking) {
      messages.push(await toDeviceOutbox.encrypt(tables, context, device, message));
      const { userId, deviceId, address } = device;
      const recipient = { distributionId, address, userId, deviceId, distribution };
      tables.put('senderKeyRecipients', recipient);
      await pause();
    }
    toDeviceOutbox.add(tables, context, messages, txnId);
  }
  const ciphertext = await senderKeys.encrypt(tables, context, roomId, distributionId, bytes);
  const content = outerContent(context, event, {
    algorithm: signalNames.group,
    distribution_id: distributionId,
    ciphertext,
  });
  return { content, distributionId, recipients: null };
};
