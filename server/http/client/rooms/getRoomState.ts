import type { clientServer } from '@candor/spec';
import { readState } from '../../../rooms/read-state.ts';
import type { Handler } from '../../handler.ts';
import { asClientEvents } from './as-client-events.ts';

export const getRoomState: Handler<typeof clientServer.getRoomState> = async (
  context,
  { params, caller },
) => asClientEvents(await readState(context, caller, params.roomId));
