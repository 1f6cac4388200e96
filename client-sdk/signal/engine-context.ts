import type { JsonObject } from '@candor/federation';
import type { DeviceIdentity } from './device-identity.ts';
import type { FanOut } from './fan-out.ts';

/** What encrypting needs beside the tables it works on. */
export type SessionContext = {
  readonly identity: Omit<DeviceIdentity, 'deviceKey'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
};

/** What every part of the engine is given. */
export type EngineContext = SessionContext & {
  readonly identity: DeviceIdentity;
  readonly fanOut: FanOut;
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
