import { bulkPerspectivesKeyQuery } from './bulkPerspectivesKeyQuery.ts';
import { getServerKey } from './getServerKey.ts';
import { perspectivesKeyQuery } from './perspectivesKeyQuery.ts';

export const serverKeyHandlers = { bulkPerspectivesKeyQuery, getServerKey, perspectivesKeyQuery };
