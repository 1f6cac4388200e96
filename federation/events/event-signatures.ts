import { type KeyObject, verify } from 'node:crypto';
import { serverNameOf } from '@candor/spec';
import { isObject } from '../json/is-object.ts';
import { signedBytes } from '../json/sign-json.ts';
import { decodeBase64 } from '../json/unpadded-base64.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { redact } from './redact.ts';
import type { JsonObject, RoomEvent } from './room-event.ts';

export type EventSignature = {
  readonly serverName: string;
  readonly keyId: string;
  /** Base64, as it came. */
  readonly signature: string;
};

/** `missing` is the server whose signature the event lacks. */
export type RequiredSignatures =
  | { readonly ok: true; readonly signatures: readonly EventSignature[] }
  | { readonly ok: false; readonly missing: string };

// Vouched for by the room's own state, never published as a server's key.
// https://spec.matrix.org/v1.19/server-server-api/#validating-policy-server-signatures
const policyServerKeyId = 'ed25519:policy_server';

const signaturesOf = (event: RoomEvent, serverName: string): EventSignature[] => {
  const all = event.pdu['signatures'];
  const own = isObject(all) && Object.hasOwn(all, serverName) ? all[serverName] : undefined;
  if (!isObject(own)) return [];
  return Object.entries(own)
    .filter(([keyId]) => keyId.startsWith('ed25519:') && keyId !== policyServerKeyId)
    .map(([keyId, signature]) => ({ serverName, keyId, signature: String(signature) }));
};

const requiredServers = ({ type, sender, content }: RoomEvent): ReadonlySet<string | undefined> => {
  if (type !== 'm.room.member') return new Set([serverNameOf(sender)]);
  const { membership, third_party_invite: invite, join_authorised_via_users_server: via } = content;
  const servers = new Set<string | undefined>();
  // The identity server's signature, a rule of authorisation, stands in for the sender's.
  if (membership !== 'invite' || !isObject(invite)) servers.add(serverNameOf(sender));
  if (via !== undefined) servers.add(typeof via === 'string' ? serverNameOf(via) : undefined);
  return servers;
};

/**
 * The signatures to verify: of the sender's server, and of the server that authorised a restricted join.
 * Each of these servers must have one by a known key, and all its known keys must verify; unknown keys are skipped.
 */
// https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
export const requiredSignatures = (
  event: RoomEvent,
  _rules: RoomVersionRules,
): RequiredSignatures => {
  const signatures: EventSignature[] = [];
  for (const serverName of requiredServers(event)) {
    const own = serverName === undefined ? [] : signaturesOf(event, serverName);
    if (own.length === 0) return { ok: false, missing: serverName ?? 'an unreadable user id' };
    signatures.push(...own);
  }
  return { ok: true, signatures };
};

/** What every signature of the event covers: the redacted event. */
export const signedBytesOfEvent = (event: RoomEvent, rules: RoomVersionRules): Buffer =>
  signedBytes(redact(event.pdu, rules) as JsonObject);

/** Checks one signature on the spot; many at once are better verified asynchronously over `signedBytesOfEvent`. */
export const verifyEventSignature = (
  event: RoomEvent,
  { serverName, keyId }: Pick<EventSignature, 'serverName' | 'keyId'>,
  publicKey: KeyObject,
  rules: RoomVersionRules,
): boolean => {
  const found = signaturesOf(event, serverName).find((one) => one.keyId === keyId);
  const bytes = found && decodeBase64(found.signature);
  return bytes !== undefined && verify(null, signedBytesOfEvent(event, rules), publicKey, bytes);
};
