import Type from 'typebox';
import { field } from '../fields.ts';

/** User id → key id → signature in unpadded base64. */
const signatures = field.mapOf(field.mapOf(Type.String()));

/** A device's own description of its keys, signed by the device. */
// https://spec.matrix.org/v1.19/client-server-api/#device-keys
export const deviceKeys = Type.Object({
  user_id: field.userId,
  device_id: field.deviceId,
  algorithms: Type.Array(Type.String()),
  keys: field.mapOf(Type.String()),
  signatures,
  unsigned: Type.Optional(Type.Object({ device_display_name: Type.Optional(Type.String()) })),
});

// https://spec.matrix.org/v1.19/client-server-api/#cross-signing
export const crossSigningKey = Type.Object({
  user_id: field.userId,
  usage: Type.Array(Type.String()),
  keys: field.mapOf(Type.String()),
  signatures: Type.Optional(signatures),
});

/** Key id (`algorithm:id`) → a bare key or a signed object; other fields are the algorithm's own. */
export const oneTimeKeys = field.mapOf(
  Type.Union([
    Type.String(),
    Type.Object({ key: Type.Optional(Type.String()), signatures: Type.Optional(signatures) }),
  ]),
);
