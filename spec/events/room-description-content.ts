import Type from 'typebox';
import { field } from '../fields.ts';

const via = Type.Array(field.serverName);

/** Content schemas of the state events that say what a room is. */
export const roomDescriptionContent = {
  'm.room.name': Type.Object({ name: Type.String() }),
  'm.room.topic': Type.Object({
    topic: Type.String(),
    'm.topic': Type.Optional(
      Type.Object({
        'm.text': Type.Optional(
          Type.Array(Type.Object({ body: Type.String(), mimetype: Type.Optional(Type.String()) })),
        ),
      }),
    ),
  }),
  'm.room.avatar': Type.Object({
    url: Type.Optional(Type.String()),
    info: Type.Optional(field.object),
  }),
  /** An empty `alias` is as good as none; what is malformed has an error code of its own. */
  'm.room.canonical_alias': Type.Object({
    alias: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    alt_aliases: Type.Optional(Type.Array(Type.String())),
  }),
  'm.room.pinned_events': Type.Object({ pinned: Type.Array(field.eventId) }),
  /** Without `via` the room is not a child (any more). */
  'm.space.child': Type.Object({
    via: Type.Optional(via),
    order: Type.Optional(Type.String()),
    suggested: Type.Optional(Type.Boolean()),
  }),
  'm.space.parent': Type.Object({
    via: Type.Optional(via),
    canonical: Type.Optional(Type.Boolean()),
  }),
} as const;
