import type { JsonObject } from '@candor/federation';
import type { Row } from '../stores/tables.ts';
import { readOffer } from '../verification/read-offer.ts';

/** One event of a room's conversation, as it is shown. */
export type Message = {
  readonly roomId: string;
  readonly eventId: string;
  readonly sender: string;
  readonly senderDevice: string | null;
  /** What the sender's server says, in milliseconds since the epoch. */
  readonly sentAt: number;
  readonly type: string;
  /** Null unless `readable`. */
  readonly content: JsonObject | null;
  /** `content.body` of texts and files, otherwise empty. */
  readonly body: string;
  /** `waiting` messages may become readable; `refused` ones are not what they claim to be. */
  readonly state: 'readable' | 'waiting' | 'unreadable' | 'refused';
  /** Why it is not readable. */
  readonly reason: string | null;
  /** False only in rooms that are not encrypted. */
  readonly encrypted: boolean;
  /** Sent by this user, from whichever device. */
  readonly own: boolean;
  /**
   * Read from the archive: as authentic as that, which the user's own devices write. That this sender
   * sent it is their word, not the word of a Signal session of this device.
   */
  readonly restored: boolean;
  /** The id it was sent with, of messages sent with this SDK. */
  readonly txnId: string | null;
};

const stateOf = ({ state }: Row<'timeline'>): Message['state'] => {
  if (state === 'decrypted' || state === 'restored' || state === 'clear') return 'readable';
  return state === 'undecryptable' ? 'unreadable' : state;
};

// Messages and what looks like one; other events outside the encryption, such as
// memberships and reactions, are clear in encrypted rooms too.
const isSpeech = (type: string): boolean =>
  type === 'm.room.message' ||
  type === 'm.sticker' ||
  type.startsWith('m.poll.') ||
  callEvents.has(type);

// https://spec.matrix.org/v1.19/client-server-api/#voice-over-ip
// By name, since there are also events of state that begin with `m.call`.
const callEvents: ReadonlySet<string> = new Set([
  'm.call.answer',
  'm.call.candidates',
  'm.call.hangup',
  'm.call.invite',
  'm.call.negotiate',
  'm.call.reject',
  'm.call.sdp_stream_metadata_changed',
  'm.call.select_answer',
]);

/** Whether a stored event is part of the conversation. */
const isMessage = (row: Row<'timeline'>): boolean =>
  !readOffer.isPartOfOne(row) && (row.state !== 'clear' || isSpeech(row.type));

/** What to show of a stored event; plaintext in an encrypted room is refused. */
const ofRow = (row: Row<'timeline'>, isEncryptedRoom: boolean, ownUserId: string): Message => {
  const { roomId, eventId, sender, senderDevice, type, txnId } = row;
  const isRefused = row.state === 'clear' && isEncryptedRoom && isSpeech(type);
  const content = isRefused ? null : row.content;
  return {
    ...{ roomId, eventId, sender, senderDevice, type, txnId, content },
    sentAt: row.originServerTs,
    body: typeof content?.['body'] === 'string' ? content['body'] : '',
    state: isRefused ? 'refused' : stateOf(row),
    reason: isRefused ? 'not-encrypted' : row.reason,
    encrypted: row.state !== 'clear',
    restored: row.state === 'restored',
    own: sender === ownUserId,
  };
};

export const message = { isMessage, ofRow };
