import { createHash, timingSafeEqual } from 'node:crypto';
import { type candor, MatrixError } from '@candor/spec';
import { isLoopbackHost } from '../../config/loopback.ts';
import { metrics } from '../../metrics.ts';
import { Answer } from '../answer.ts';
import type { Handler } from '../handler.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** For this machine, and for who has the operator's token. */
export const candorMetrics: Handler<typeof candor.candorMetrics> = async (
  { config },
  { address, headers },
) => {
  const { token } = config.metrics;
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`);
  const isKnown = expected && timingSafeEqual(digest(String(headers['authorization'])), expected);
  if (!isKnown && !isLoopbackHost(address)) {
    throw new MatrixError('M_FORBIDDEN', 'Metrics are for this machine, or need the token');
  }
  const { registry } = metrics;
  return new Answer({ contentType: registry.contentType, body: await registry.metrics() });
};
