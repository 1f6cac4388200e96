import type { Pdu } from '@candor/federation';
import type { Context } from '../../../context.ts';
import { Answer } from '../../answer.ts';

/** Events in the shape of a transaction. */
export const pduList = ({ config, now }: Context, pdus: readonly Pdu[]): Answer =>
  new Answer({
    body: JSON.stringify({ origin: config.serverName, origin_server_ts: now(), pdus }),
  });
