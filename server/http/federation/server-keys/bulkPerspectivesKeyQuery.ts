import { type federation, limits, MatrixError } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { answerQueries } from './answer-queries.ts';

export const bulkPerspectivesKeyQuery: Handler<typeof federation.bulkPerspectivesKeyQuery> = (
  context,
  { body },
) => {
  const asked = Object.entries(body.server_keys);
  if (asked.length > limits.keyQueryServersMax) {
    throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many servers in one query');
  }
  return answerQueries(
    context,
    asked.map(([serverName, keys]) => {
      const times = Object.values(keys).map((key) => key.minimum_valid_until_ts ?? 0);
      return { serverName, minimumValidUntil: Math.max(context.now(), ...times) };
    }),
  );
};
