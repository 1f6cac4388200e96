import Type, { type TSchema } from 'typebox';
import { limits } from './limits.ts';

const idString = (pattern: string) =>
  Type.String({ pattern, maxLength: limits.identifierBytesMax });

/** An object used as a map: every value has the given shape, and every key, where one is given. */
// Not `Type.Record`: its pattern lets a key with a line break escape the check.
const mapOf = <S extends TSchema>(values: S, names?: TSchema) =>
  Type.Unsafe<Record<string, Type.Static<S>>>({
    type: 'object',
    additionalProperties: values,
    ...(names && { propertyNames: names }),
  });

/** The small schemas that descriptions are made of. */
export const field = {
  // https://spec.matrix.org/v1.19/appendices/#identifier-grammar
  userId: idString('^@'),
  roomId: idString('^!'),
  eventId: idString('^\\$'),
  roomAlias: idString('^#'),
  roomIdOrAlias: idString('^[!#]'),
  serverName: Type.String({ minLength: 1, maxLength: limits.serverNameBytesMax }),
  deviceId: Type.String({ minLength: 1, maxLength: limits.identifierBytesMax }),
  eventType: Type.String({ maxLength: limits.identifierBytesMax }),
  stateKey: Type.String({ maxLength: limits.identifierBytesMax }),
  transactionId: Type.String({ minLength: 1, maxLength: limits.identifierBytesMax }),
  /** An opaque name chosen by a client or a server: a filter, a pusher's app, a media id. */
  opaqueId: Type.String({ minLength: 1, maxLength: limits.identifierBytesMax }),
  mxcUri: Type.String({ pattern: '^mxc://' }),
  timestampMs: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  durationMs: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  count: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  /** A page size asked for; the server cuts it to its own limit. */
  pageSize: Type.Integer({ minimum: 0 }),
  /** Any JSON object. */
  object: mapOf(Type.Unknown()),
  /** `{}`, and whatever a later version may add. */
  empty: Type.Object({}),
  mapOf,
} as const;
