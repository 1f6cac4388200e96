import Type from 'typebox';
import { field } from '../fields.ts';

/** What of a public room list is wanted; a room type of `null` stands for ordinary rooms. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms
export const publicRoomsQuery = Type.Object({
  limit: Type.Optional(field.pageSize),
  since: Type.Optional(Type.String()),
  filter: Type.Optional(
    Type.Object({
      generic_search_term: Type.Optional(Type.String()),
      room_types: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
    }),
  ),
  include_all_networks: Type.Optional(Type.Boolean()),
  third_party_instance_id: Type.Optional(Type.String()),
});
