export type { AuthState } from './auth/auth-state.ts';
export { type AuthSubject, authTypesFor } from './auth/auth-types.ts';
export { checkAuth } from './auth/check-auth.ts';
export { checkAuthEvents } from './auth/check-auth-events.ts';
export { mayRedact } from './auth/may-redact.ts';
export { creatorsOf, type PowerLevels, powerLevels } from './auth/power-levels.ts';
export { type SplitServerName, splitServerName } from './discovery/split-server-name.ts';
export {
  buildEvent,
  type EventSigner,
  type EventTemplate,
  EventTooLargeError,
  type PlaceInRoom,
  signEvent,
} from './events/build-event.ts';
export { type ClientEventOptions, clientEvent, strippedState } from './events/client-event.ts';
export { eventFromPdu } from './events/event-from-pdu.ts';
export { contentHash, eventIdOf, referenceHash } from './events/event-hashes.ts';
export {
  type EventSignature,
  type RequiredSignatures,
  requiredSignatures,
  signedBytesOfEvent,
  verifyEventSignature,
} from './events/event-signatures.ts';
export { type ReadEvent, readEvent } from './events/read-event.ts';
export { redact } from './events/redact.ts';
export * from './events/room-event.ts';
export { type AskedMembership, type SameAsAsked, sameAsAsked } from './events/same-as-asked.ts';
export { CanonicalJsonError, canonicalJson } from './json/canonical-json.ts';
export { isObject } from './json/is-object.ts';
export { parseJson } from './json/parse-json.ts';
export { signedBytes, signJson, verifyJson } from './json/sign-json.ts';
export { decodeBase64, encodeBase64, encodeBase64Url } from './json/unpadded-base64.ts';
export { publicKeyFromBase64, type SigningKey, signingKeyFromSeed } from './keys/signing-key.ts';
export {
  type Authorization,
  parseAuthorization,
  requestSignedBytes,
  type SignableRequest,
  signRequest,
} from './requests/x-matrix.ts';
export {
  defaultRoomVersion,
  type RoomVersionRules,
  roomVersionRules,
  supportedRoomVersions,
} from './room-versions/rules.ts';
export { type AuthEventsOf, authChainIds, authDifference } from './state/auth-chain.ts';
export { type ResolveOptions, resolveState } from './state/resolve-state.ts';
export { type SplitConflicts, splitConflicts } from './state/split-conflicts.ts';
