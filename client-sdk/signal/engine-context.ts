import type { JsonObject } from '@candor/federation';
import type { DeviceIdentity } from './device-identity.ts';

/** What every part of the engine is given beside the tables it works on. */
export type EngineContext = {
  readonly identity: DeviceIdentity;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
};

/** A request the client makes for the engine; `operation` is the operationId, `body` its JSON body. */
export type EngineRequest =
  | { readonly operation: 'uploadKeys'; readonly body: JsonObject }
  | {
      readonly operation: 'queryKeys';
      readonly body: JsonObject;
      /** State of each user's list when the request was made. */
      readonly generations: ReadonlyMap<string, number>;
    }
  | { readonly operation: 'claimKeys'; readonly body: JsonObject }
  | {
      readonly operation: 'sendToDevice';
      readonly eventType: string;
      readonly txnId: string;
      readonly body: JsonObject;
    }
  | { readonly operation: 'uploadCrossSigningKeys'; readonly body: JsonObject }
  | { readonly operation: 'uploadCrossSigningSignatures'; readonly body: JsonObject };
