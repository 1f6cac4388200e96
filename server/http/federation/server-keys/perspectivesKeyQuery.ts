import type { federation } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { answerQueries } from './answer-queries.ts';

export const perspectivesKeyQuery: Handler<typeof federation.perspectivesKeyQuery> = (
  context,
  { params, query },
) =>
  answerQueries(context, [
    {
      serverName: params.serverName,
      minimumValidUntil: query.minimum_valid_until_ts ?? context.now(),
    },
  ]);
