import { type KeyObject, sign, verify } from 'node:crypto';
import type { JsonObject } from '../events/room-event.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import { canonicalJson } from './canonical-json.ts';
import { isObject } from './is-object.ts';
import { decodeBase64, encodeBase64 } from './unpadded-base64.ts';

/** What a signature covers: canonical JSON without `signatures` and `unsigned`. */
// https://spec.matrix.org/v1.19/appendices/#signing-details
export const signedBytes = (object: JsonObject): Buffer => {
  const { signatures: _signatures, unsigned: _unsigned, ...signed } = object;
  return Buffer.from(canonicalJson(signed));
};

/** A copy with `entity`'s signature added beside those already there. */
export const signJson = (object: JsonObject, entity: string, key: SigningKey): JsonObject => {
  const signature = encodeBase64(sign(null, signedBytes(object), key.privateKey));
  const signatures = isObject(object['signatures']) ? object['signatures'] : {};
  const own = isObject(signatures[entity]) ? signatures[entity] : {};
  return { ...object, signatures: { ...signatures, [entity]: { ...own, [key.keyId]: signature } } };
};

/** Whether `entity` signed the object with this key; false also when there is no such signature. */
// https://spec.matrix.org/v1.19/appendices/#checking-for-a-signature
export const verifyJson = (
  object: JsonObject,
  entity: string,
  keyId: string,
  publicKey: KeyObject,
): boolean => {
  const signatures = object['signatures'];
  if (!isObject(signatures) || !Object.hasOwn(signatures, entity)) return false;
  const own = signatures[entity];
  if (!isObject(own) || !Object.hasOwn(own, keyId)) return false;
  const signature = own[keyId];
  const bytes = typeof signature === 'string' ? decodeBase64(signature) : undefined;
  return bytes !== undefined && verify(null, signedBytes(object), publicKey, bytes);
};
