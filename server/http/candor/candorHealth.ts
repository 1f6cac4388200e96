import type { candor } from '@candor/spec';
import { pingDatabase } from '../../storage/ping.ts';
import { Answer } from '../answer.ts';
import type { Handler } from '../handler.ts';

export const candorHealth: Handler<typeof candor.candorHealth> = async ({ db }) => {
  try {
    await pingDatabase(db);
    return { status: 'ok' };
  } catch {
    const body = JSON.stringify({ status: 'unavailable', reason: 'database' });
    return new Answer({ status: 503, body });
  }
};
