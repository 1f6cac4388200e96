import type { candor } from '@candor/spec';
import type { Context } from '../../context.ts';
import { Answer } from '../answer.ts';
import type { Handler } from '../handler.ts';
import { candorHealth } from './candorHealth.ts';

const notReady = (context: Context, { signal }: { readonly signal: AbortSignal }) => {
  if (signal.aborted) return 'draining';
  return context.federation.certificates.current().origin === 'stand-in'
    ? 'certificate'
    : undefined;
};

/** A server that drains, or waits for its first certificate, is healthy; but nothing new should be sent to it. */
export const candorReady: Handler<typeof candor.candorReady> = async (context, request) => {
  const reason = notReady(context, request);
  if (reason === undefined) return candorHealth(context, request);
  return new Answer({ status: 503, body: JSON.stringify({ status: 'unavailable', reason }) });
};
