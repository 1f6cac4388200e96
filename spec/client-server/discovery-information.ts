import Type from 'typebox';

const address = Type.Object({ base_url: Type.String() });

// https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient
export const discoveryInformation = Type.Object({
  'm.homeserver': address,
  'm.identity_server': Type.Optional(address),
});
