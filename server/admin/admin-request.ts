import Type, { type Static } from 'typebox';

const user = Type.String();

/** What an operator may ask for on the machine itself. */
export const adminRequest = Type.Union([
  Type.Object({
    command: Type.Literal('create-user'),
    name: Type.String(),
    isAdmin: Type.Boolean(),
  }),
  Type.Object({ command: Type.Literal('reset-password'), user }),
  Type.Object({ command: Type.Literal('deactivate'), user }),
  Type.Object({ command: Type.Literal('list-users'), after: Type.String() }),
  Type.Object({
    command: Type.Literal('create-token'),
    usesAllowed: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Milliseconds since the epoch. */
    expiresAt: Type.Optional(Type.Integer()),
  }),
  Type.Object({ command: Type.Literal('list-tokens') }),
  Type.Object({ command: Type.Literal('revoke-token'), token: Type.String() }),
]);

export type AdminRequest = Static<typeof adminRequest>;
