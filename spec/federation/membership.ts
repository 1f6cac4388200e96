import Type from 'typebox';
import { signedThirdPartyInvite } from '../events/third-party-signed.ts';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';
import { membershipEvent, membershipPdu, pdu } from './pdu.ts';

const ofUser = Type.Object({ roomId: field.roomId, userId: field.userId });
const ofEvent = Type.Object({ roomId: field.roomId, eventId: field.eventId });
const template = Type.Object({ room_version: Type.String(), event: membershipEvent });
const versions = Type.Array(Type.String(), { maxItems: limits.roomVersionsOfferedMax });
const stateShown = Type.Array(field.object);

export const makeJoin = operation({
  id: 'makeJoin',
  method: 'GET',
  path: '/_matrix/federation/v1/make_join/{roomId}/{userId}',
  summary: 'Gives the join event that the asking server should complete and sign.',
  auth: 'signedRequest',
  params: ofUser,
  query: Type.Object({ ver: Type.Optional(versions) }),
  response: template,
});

export const sendJoinV2 = operation({
  id: 'sendJoinV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_join/{roomId}/{eventId}',
  summary: 'Takes a signed join event and gives the state of the room.',
  auth: 'signedRequest',
  params: ofEvent,
  query: Type.Object({ omit_members: Type.Optional(Type.Boolean()) }),
  body: membershipEvent,
  response: Type.Object({
    auth_chain: Type.Array(pdu),
    state: Type.Array(pdu),
    event: Type.Optional(pdu),
    members_omitted: Type.Optional(Type.Boolean()),
    servers_in_room: Type.Optional(Type.Array(field.serverName)),
  }),
});

export const makeKnock = operation({
  id: 'makeKnock',
  method: 'GET',
  path: '/_matrix/federation/v1/make_knock/{roomId}/{userId}',
  summary: 'Gives the knock event that the asking server should complete and sign.',
  auth: 'signedRequest',
  params: ofUser,
  query: Type.Object({ ver: versions }),
  response: template,
});

export const sendKnock = operation({
  id: 'sendKnock',
  method: 'PUT',
  path: '/_matrix/federation/v1/send_knock/{roomId}/{eventId}',
  summary: 'Takes a signed knock event and shows some state of the room.',
  auth: 'signedRequest',
  params: ofEvent,
  body: membershipEvent,
  response: Type.Object({ knock_room_state: stateShown }),
});

export const makeLeave = operation({
  id: 'makeLeave',
  method: 'GET',
  path: '/_matrix/federation/v1/make_leave/{roomId}/{userId}',
  summary: 'Gives the leave event that the asking server should complete and sign.',
  auth: 'signedRequest',
  params: ofUser,
  response: template,
});

export const sendLeaveV2 = operation({
  id: 'sendLeaveV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_leave/{roomId}/{eventId}',
  summary: 'Takes a signed leave event.',
  auth: 'signedRequest',
  params: ofEvent,
  body: membershipEvent,
  response: field.empty,
});

export const sendInviteV1 = operation({
  id: 'sendInviteV1',
  method: 'PUT',
  path: '/_matrix/federation/v1/invite/{roomId}/{eventId}',
  summary: 'Invites a user of this server, in room versions 1 and 2.',
  auth: 'signedRequest',
  params: ofEvent,
  body: membershipEvent,
  response: Type.Tuple([Type.Literal(200), Type.Object({ event: membershipPdu })]),
});

export const sendInviteV2 = operation({
  id: 'sendInviteV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/invite/{roomId}/{eventId}',
  summary: 'Invites a user of this server, who gets the event signed back.',
  auth: 'signedRequest',
  params: ofEvent,
  body: Type.Object({
    room_version: Type.String(),
    event: membershipEvent,
    /** Each entry is checked by itself: a bad one must not cost the invitation. */
    invite_room_state: Type.Optional(Type.Array(Type.Unknown())),
  }),
  response: Type.Object({ event: membershipPdu }),
});

export const exchangeThirdPartyInvite = operation({
  id: 'exchangeThirdPartyInvite',
  method: 'PUT',
  path: '/_matrix/federation/v1/exchange_third_party_invite/{roomId}',
  summary: 'Turns a third-party invitation into an invitation of a user.',
  auth: 'signedRequest',
  params: Type.Object({ roomId: field.roomId }),
  body: Type.Object({
    type: Type.Literal('m.room.member'),
    room_id: field.roomId,
    sender: field.userId,
    state_key: field.userId,
    content: Type.Object({
      membership: Type.Literal('invite'),
      third_party_invite: Type.Object({
        display_name: Type.String(),
        signed: signedThirdPartyInvite,
      }),
    }),
  }),
  response: field.empty,
});

export const onBindThirdPartyIdentifier = operation({
  id: 'onBindThirdPartyIdentifier',
  method: 'PUT',
  path: '/_matrix/federation/v1/3pid/onbind',
  summary: 'Told by an identity server that an invited address now belongs to a user here.',
  auth: 'none',
  body: Type.Object({
    medium: Type.String(),
    address: Type.String(),
    mxid: field.userId,
    invites: Type.Array(
      Type.Object({
        medium: Type.String(),
        address: Type.String(),
        mxid: field.userId,
        room_id: field.roomId,
        sender: field.userId,
        signed: signedThirdPartyInvite,
      }),
    ),
  }),
  response: field.empty,
});
