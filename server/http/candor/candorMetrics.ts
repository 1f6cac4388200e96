import { type candor, MatrixError } from '@candor/spec';
import { isLoopbackHost } from '../../config/loopback.ts';
import { metrics } from '../../metrics.ts';
import { Answer } from '../answer.ts';
import type { Handler } from '../handler.ts';

export const candorMetrics: Handler<typeof candor.candorMetrics> = async (
  _context,
  { address },
) => {
  if (!isLoopbackHost(address)) {
    throw new MatrixError('M_FORBIDDEN', 'Metrics are for this machine only');
  }
  const { registry } = metrics;
  return new Answer({ contentType: registry.contentType, body: await registry.metrics() });
};
