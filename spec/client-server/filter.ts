import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';
import { syncFilter } from './event-filter.ts';

export const defineFilter = operation({
  id: 'defineFilter',
  method: 'POST',
  path: '/_matrix/client/v3/user/{userId}/filter',
  summary: 'Stores a filter for `/sync` and gives its id.',
  auth: 'accessToken',
  params: Type.Object({ userId: field.userId }),
  body: syncFilter,
  response: Type.Object({ filter_id: Type.String() }),
});

export const getFilter = operation({
  id: 'getFilter',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/filter/{filterId}',
  summary: 'Gives a stored filter back.',
  auth: 'accessToken',
  params: Type.Object({ userId: field.userId, filterId: field.opaqueId }),
  response: syncFilter,
});
