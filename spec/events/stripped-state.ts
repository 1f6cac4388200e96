import Type from 'typebox';
import { field } from '../fields.ts';

/** What somebody who is not in the room yet is shown of its state. */
// https://spec.matrix.org/v1.19/client-server-api/#stripped-state
export const strippedState = Type.Object({
  type: field.eventType,
  state_key: field.stateKey,
  sender: field.userId,
  content: field.object,
});

/** Stripped state with its time, as the space hierarchy gives `m.space.child` events. */
export const datedStrippedState = Type.Object({
  ...strippedState.properties,
  origin_server_ts: Type.Integer(),
});
