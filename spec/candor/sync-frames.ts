import Type from 'typebox';

/** What a client sends over the WebSocket sync: the first frame opens, each later one acknowledges. */
export const openFrame = Type.Object({
  since: Type.Optional(Type.String()),
  filter: Type.Optional(Type.String()),
  full_state: Type.Optional(Type.Boolean()),
  set_presence: Type.Optional(Type.Enum(['offline', 'online', 'unavailable'])),
  use_state_after: Type.Optional(Type.Boolean()),
});

/** `ack` is the `next_batch` of the body that the client has stored. */
export const ackFrame = Type.Object({ ack: Type.String() });

/** Why the server closes a socket. 1001 is sent when it drains, 1009 for a frame that is too long. */
export const closeCode = {
  draining: 1001,
  badFrame: 4400,
  badToken: 4401,
  tooMany: 4429,
} as const;
