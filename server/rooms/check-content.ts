import type { JsonObject } from '@candor/federation';
import { eventContent, isUserId, limits, MatrixError } from '@candor/spec';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/** The types whose content other servers or clients would stumble over; the others are the sender's affair. */
const checkedTypes = [
  'm.room.message',
  'm.room.encrypted',
  'm.room.member',
  'm.room.power_levels',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.server_acl',
  'm.room.canonical_alias',
  'm.room.encryption',
  'm.room.redaction',
] as const satisfies (keyof typeof eventContent)[];

const validators = new Map<string, ReturnType<typeof Compile>>(
  checkedTypes.map((type): [string, ReturnType<typeof Compile>] => [
    type,
    Compile(eventContent[type] as TSchema),
  ]),
);

const tooLong = (text: string): boolean =>
  text.length > limits.identifierBytesMax || Buffer.byteLength(text) > limits.identifierBytesMax;

/** Checks what a user of ours wants to send, before it is an event. Throws M_TOO_LARGE, M_BAD_JSON. */
export const checkContent = (
  type: string,
  stateKey: string | undefined,
  content: JsonObject,
): void => {
  // https://spec.matrix.org/v1.19/client-server-api/#size-limits
  if (tooLong(type)) throw new MatrixError('M_TOO_LARGE', 'the event type is too long');
  if (stateKey !== undefined && tooLong(stateKey)) {
    throw new MatrixError('M_TOO_LARGE', 'the state key is too long');
  }
  if (type === 'm.room.member' && !isUserId(stateKey ?? '')) {
    throw new MatrixError('M_BAD_JSON', 'the state key of a member event is a user id');
  }
  const validator = validators.get(type);
  if (!validator || validator.Check(content)) return;
  const [error] = validator.Errors(content);
  const at = error?.instancePath ? `${error.instancePath.slice(1)} ` : '';
  throw new MatrixError('M_BAD_JSON', `${type}: ${at}${error?.message ?? 'is not valid'}`);
};
