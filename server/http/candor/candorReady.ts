import type { candor } from '@candor/spec';
import { Answer } from '../answer.ts';
import type { Handler } from '../handler.ts';
import { candorHealth } from './candorHealth.ts';

/** A server that drains is healthy still, but nothing new should be sent to it. */
export const candorReady: Handler<typeof candor.candorReady> = async (context, request) => {
  if (!request.signal.aborted) return candorHealth(context, request);
  const body = JSON.stringify({ status: 'unavailable', reason: 'draining' });
  return new Answer({ status: 503, body });
};
