import { type KeyObject, verify } from 'node:crypto';
import { limits } from '@candor/spec';
import { type JsonObject, type RoomEvent, stateKeyOf, type Verdict } from '../events/room-event.ts';
import { CanonicalJsonError } from '../json/canonical-json.ts';
import { isObject } from '../json/is-object.ts';
import { signedBytes } from '../json/sign-json.ts';
import { decodeBase64 } from '../json/unpadded-base64.ts';
import { publicKeyFromBase64 } from '../keys/signing-key.ts';
import { type AuthState, membershipOf } from './auth-state.ts';
import { allowed, refused } from './verdicts.ts';

const publicKeysOf = (content: JsonObject): KeyObject[] => {
  const listed = Array.isArray(content['public_keys'])
    ? content['public_keys'].map((entry: unknown) => isObject(entry) && entry['public_key'])
    : [];
  return [content['public_key'], ...listed]
    .slice(0, limits.thirdPartyInviteKeysMax)
    .filter((text) => typeof text === 'string')
    .map(publicKeyFromBase64)
    .filter((key) => key !== undefined);
};

const signaturesOf = (signed: JsonObject): Buffer[] => {
  const all = isObject(signed['signatures']) ? Object.values(signed['signatures']) : [];
  return all
    .flatMap((own) => (isObject(own) ? Object.entries(own) : []))
    .filter(([keyId]) => keyId.startsWith('ed25519:'))
    .slice(0, limits.thirdPartyInviteSignaturesMax)
    .map(([, text]) => (typeof text === 'string' ? decodeBase64(text) : undefined))
    .filter((signature) => signature !== undefined);
};

const isSignedByAny = (signed: JsonObject, keys: readonly KeyObject[]): boolean => {
  try {
    const bytes = signedBytes(signed);
    const signatures = signaturesOf(signed);
    return keys.some((key) => signatures.some((signature) => verify(null, bytes, key, signature)));
  } catch (error) {
    if (error instanceof CanonicalJsonError) return false;
    throw error;
  }
};

/** An invite that an identity server vouches for; `rule` is its number in the room version's list. */
// https://spec.matrix.org/v1.19/server-server-api/#verifying-the-invite
export const checkThirdPartyInvite = (
  event: RoomEvent,
  target: string,
  state: AuthState,
  rule: string,
): Verdict => {
  if (membershipOf(state, target) === 'ban') return refused(`${rule}.1`, 'the target is banned');
  const invite = event.content['third_party_invite'];
  const signed = isObject(invite) ? invite['signed'] : undefined;
  if (!isObject(signed)) return refused(`${rule}.2`, 'third_party_invite has no signed');
  const { mxid, token } = signed;
  if (typeof mxid !== 'string' || typeof token !== 'string') {
    return refused(`${rule}.3`, 'signed has no mxid and token');
  }
  if (mxid !== target) return refused(`${rule}.4`, 'mxid is not the target');
  const offer = state.get(stateKeyOf('m.room.third_party_invite', token));
  if (offer === undefined) return refused(`${rule}.5`, 'the room has no such third-party invite');
  if (offer.sender !== event.sender) {
    return refused(`${rule}.6`, 'the sender did not make the third-party invite');
  }
  return isSignedByAny(signed, publicKeysOf(offer.content))
    ? allowed
    : refused(`${rule}.8`, 'no signature matches a key of the third-party invite');
};
