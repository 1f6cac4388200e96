import { hash } from 'node:crypto';
import { limits } from '@candor/spec';
import { CanonicalJsonError, canonicalJson } from '../json/canonical-json.ts';
import { isObject } from '../json/is-object.ts';
import { signedBytes } from '../json/sign-json.ts';
import { decodeBase64 } from '../json/unpadded-base64.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { eventFormatFault } from './event-format.ts';
import { eventFromPdu } from './event-from-pdu.ts';
import { redact } from './redact.ts';
import type { JsonObject, Pdu, RoomEvent } from './room-event.ts';

export type ReadEvent =
  | {
      readonly ok: true;
      readonly event: RoomEvent;
      /** What the signatures cover, as `signedBytesOfEvent` would give it. */
      readonly signedBytes: Buffer;
      /** The content did not match its hash, so the event was redacted. */
      readonly redacted: boolean;
    }
  | { readonly ok: false; readonly reason: string };

// The bytes around the two members that the content hash leaves out.
const memberBytes = (name: string, text: string): number =>
  Buffer.byteLength(text) + `,"${name}":`.length;

const readPdu = (pdu: Pdu, rules: RoomVersionRules, roomId: string | undefined): ReadEvent => {
  const { signatures, hashes, ...hashed } = pdu;
  const text = canonicalJson(hashed, limits.eventJsonDepthMax);
  const bytes =
    Buffer.byteLength(text) +
    memberBytes('hashes', canonicalJson(hashes)) +
    memberBytes('signatures', canonicalJson(signatures));
  if (bytes > limits.eventBytesMax) return { ok: false, reason: 'the event is too large' };

  const claimed = decodeBase64((hashes as { sha256: string }).sha256)?.toString('base64');
  const redacted = claimed !== hash('sha256', text, 'base64');
  const redactedPdu = redact(pdu, rules);
  const signed = signedBytes(redactedPdu);
  const eventId = `$${hash('sha256', signed, 'base64url')}`;
  const ownRoomId = typeof pdu['room_id'] === 'string' ? pdu['room_id'] : `!${eventId.slice(1)}`;
  if (roomId !== undefined && ownRoomId !== roomId) {
    return { ok: false, reason: 'room_id is another room' };
  }
  const event = eventFromPdu(redacted ? redactedPdu : pdu, eventId, ownRoomId, rules);
  return { ok: true, event, signedBytes: signed, redacted };
};

/**
 * Reads an event from another server: format, sizes, content hash (redacted when it does not match), event id.
 * `unsigned` is dropped, for nobody vouches for it. Signatures and authorisation are the caller's next steps.
 */
// https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
export const readEvent = (json: unknown, rules: RoomVersionRules, roomId?: string): ReadEvent => {
  if (!isObject(json)) return { ok: false, reason: 'the event is no object' };
  const { unsigned: _unsigned, ...pdu }: JsonObject = json;
  const fault = eventFormatFault(pdu, rules, roomId);
  if (fault !== undefined) return { ok: false, reason: fault };
  try {
    return readPdu(pdu as Pdu, rules, roomId);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return { ok: false, reason: error.message };
    throw error;
  }
};
