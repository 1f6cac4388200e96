import { encodeBase64, type JsonObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { EngineContext } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { type Envelope, plaintext } from './plaintext.ts';
import { type Rotation, senderKeys } from './sender-keys.ts';
import { sessions } from './sessions.ts';
import { signalNames } from './signal-names.ts';

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

const namesOf = (devices: readonly Device[]) =>
  devices.map(({ userId, deviceId }) => ({ userId, deviceId }));

const asParts = async (
  tables: TableWriter,
  context: EngineContext,
  event: OutgoingEvent,
  envelope: Envelope,
  devices: readonly Device[],
): Promise<JsonObject> => {
  const { roomId, txnId } = event;
  const task = { entries: namesOf(devices), roomId, txnId, content: { ...envelope } };
  const hashes = await context.fanOut.run('sendParts', tables, context, task);
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

/** Queues the distribution, from its present step on, for devices that lack it. */
export const distribute = async (
  tables: TableWriter,
  context: EngineContext,
  { roomId, txnId }: OutgoingEvent,
  distributionId: string,
  lacking: readonly Device[],
): Promise<void> => {
  if (lacking.length === 0) return;
  const bytes = await senderKeys.distribution(tables, context, roomId, distributionId);
  const distribution = encodeBase64(bytes);
  const content = { distribution_id: distributionId, distribution };
  const task = { entries: namesOf(lacking), roomId, txnId, content, distributionId, distribution };
  await context.fanOut.run('distribute', tables, context, task);
};

/** A group message, for those who have the distribution. */
export const encryptGroup = async (
  tables: TableWriter,
  context: EngineContext,
  event: OutgoingEvent,
  distributionId: string,
): Promise<Encrypted> => {
  const { roomId } = event;
  const bytes = plaintext.write(envelopeOf(context, event, distributionId));
  const ciphertext = await senderKeys.encrypt(tables, context, roomId, distributionId, bytes);
  const content = outerContent(context, event, {
    algorithm: signalNames.group,
    distribution_id: distributionId,
    ciphertext,
  });
  return { content, distributionId, recipients: null };
};
