import type { Context } from '../../context.ts';
import type { StepContext } from '../place-event.ts';

/** What rooms need that other servers are in too. */
export type RemoteContext = StepContext & Pick<Context, 'federation' | 'log'>;

/** The room that something from another server is about, and who is asked when more is needed. */
export type RemoteSource = { readonly roomId: string; readonly server: string };
