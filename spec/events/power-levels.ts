import Type from 'typebox';
import { field } from '../fields.ts';

const level = Type.Integer();

/** Content of `m.room.power_levels`; what is missing has the default of the specification. */
// https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
export const powerLevels = Type.Object({
  ban: Type.Optional(level),
  events: Type.Optional(field.mapOf(level)),
  events_default: Type.Optional(level),
  invite: Type.Optional(level),
  kick: Type.Optional(level),
  redact: Type.Optional(level),
  state_default: Type.Optional(level),
  users: Type.Optional(field.mapOf(level)),
  users_default: Type.Optional(level),
  notifications: Type.Optional(field.mapOf(level)),
});
