import Type from 'typebox';
import { field } from '../fields.ts';

const signatures = field.mapOf(field.mapOf(Type.String()));

/** An identity server's word that an invited address belongs to a user. */
// https://spec.matrix.org/v1.19/client-server-api/#third-party-invites
export const signedThirdPartyInvite = Type.Object({
  mxid: field.userId,
  token: Type.String(),
  signatures,
});

/** The same in the body of a join, with the user who invited. */
export const thirdPartySigned = Type.Object({
  sender: field.userId,
  ...signedThirdPartyInvite.properties,
});
