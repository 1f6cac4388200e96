import Type from 'typebox';
import { field } from '../fields.ts';

/** A server's signing keys, signed by itself (and by a notary that passes them on). */
// https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
export const serverKeysResponse = Type.Object({
  server_name: field.serverName,
  verify_keys: field.mapOf(Type.Object({ key: Type.String() })),
  old_verify_keys: Type.Optional(
    field.mapOf(Type.Object({ key: Type.String(), expired_ts: Type.Integer() })),
  ),
  valid_until_ts: Type.Integer(),
  signatures: field.mapOf(field.mapOf(Type.String())),
});
