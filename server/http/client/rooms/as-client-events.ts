import type { JsonObject } from '@candor/federation';
import type { clientServer, ResponseOf } from '@candor/spec';

export type ClientEvent = ResponseOf<typeof clientServer.getOneRoomEvent>;

/** Gives events that the rooms have made ready for clients the type of the answer's schema, which tests check. */
export const asClientEvents = (events: readonly JsonObject[]): ClientEvent[] =>
  events as unknown as ClientEvent[];
