import { hash } from 'node:crypto';
import { canonicalJson } from '../json/canonical-json.ts';
import { signedBytes } from '../json/sign-json.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { redact } from './redact.ts';
import type { Pdu } from './room-event.ts';

/** SHA-256 over the complete event, in unpadded base64: what `hashes.sha256` says. */
// https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event
export const contentHash = (pdu: Pdu): string => {
  const { unsigned: _unsigned, signatures: _signatures, hashes: _hashes, ...hashed } = pdu;
  return hash('sha256', canonicalJson(hashed), 'base64').replace(/=+$/, '');
};

/** SHA-256 over the redacted event without its signatures, in URL-safe unpadded base64. */
// https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event
export const referenceHash = (pdu: Pdu, rules: RoomVersionRules): string =>
  hash('sha256', signedBytes(redact(pdu, rules)), 'base64url');

/** The id that the event's reference hash gives it. */
// https://spec.matrix.org/v1.19/rooms/v4/#event-ids
export const eventIdOf = (pdu: Pdu, rules: RoomVersionRules): string =>
  `$${referenceHash(pdu, rules)}`;
