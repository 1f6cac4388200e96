import { isObject, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';

/** What is inside every Signal message; libsignal authenticates nothing else about a group message. */
export type Envelope = {
  readonly v: 1;
  /** Empty for to-device messages that belong to no room. */
  readonly room_id: string;
  readonly sender: string;
  readonly sender_device: string;
  readonly type: string;
  readonly content: JsonObject;
  readonly txn_id: string;
  readonly distribution_id?: string;
};

/** What the envelope has to agree with: the fields of the event that carried it. */
export type Outer = {
  readonly roomId: string;
  readonly sender: string;
  readonly senderDevice: string;
  readonly distributionId?: string;
};

const paddingMark = 0x80;

// Above the fine steps a size is rounded up by at most an eighth, so few sizes are distinct.
const paddedLength = (length: number): number => {
  const needed = length + 1;
  const step =
    needed <= limits.paddingFineBytesMax
      ? limits.paddingStepBytes
      : 2 ** (Math.floor(Math.log2(needed)) - 3);
  return Math.ceil(needed / step) * step;
};

const write = (envelope: Envelope): Uint8Array<ArrayBuffer> => {
  const text = Buffer.from(JSON.stringify(envelope));
  const padded = new Uint8Array(paddedLength(text.length));
  padded.set(text);
  padded[text.length] = paddingMark;
  return padded;
};

const isEnvelope = (value: unknown): value is Envelope =>
  isObject(value) &&
  value['v'] === 1 &&
  ['room_id', 'sender', 'sender_device', 'type', 'txn_id'].every(
    (name) => typeof value[name] === 'string',
  ) &&
  isObject(value['content']) &&
  (value['distribution_id'] === undefined || typeof value['distribution_id'] === 'string');

const fromJson = (value: unknown): Envelope | undefined => (isEnvelope(value) ? value : undefined);

const read = (padded: Uint8Array): Envelope | undefined => {
  let end = padded.length - 1;
  while (end > 0 && padded[end] === 0) end--;
  if (padded[end] !== paddingMark) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(padded.subarray(0, end));
    return fromJson(JSON.parse(text));
  } catch {
    return undefined;
  }
};

const contradiction = (envelope: Envelope, outer: Outer): string | undefined => {
  if (envelope.room_id !== outer.roomId) return 'room_id';
  if (envelope.sender !== outer.sender) return 'sender';
  if (envelope.sender_device !== outer.senderDevice) return 'sender_device';
  return envelope.distribution_id === outer.distributionId ? undefined : 'distribution_id';
};

/** Envelopes and the padded bytes that are encrypted. */
export const plaintext = {
  /** The padded UTF-8 bytes of an envelope. */
  write,
  /** Takes the padding off and reads the envelope; undefined when it is malformed. */
  read,
  /** An envelope that was already parsed; undefined when it is malformed. */
  fromJson,
  /** The first field in which an envelope contradicts the event around it. */
  contradiction,
};
