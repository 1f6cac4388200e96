import { candorHealth } from './candorHealth.ts';
import { candorMetrics } from './candorMetrics.ts';
import { candorReady } from './candorReady.ts';

/** Operations of our own. */
export const candorHandlers = { candorHealth, candorMetrics, candorReady };
