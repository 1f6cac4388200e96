/** A JSON value as it travels. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/** A persistent data unit on the wire, exactly as signed; `event_id` and `room_id` depend on the room version. */
// https://spec.matrix.org/v1.19/server-server-api/#pdus
export type Pdu = JsonObject & {
  readonly type: string;
  readonly sender: string;
  readonly content: JsonObject;
};

/** An event inside: the wire form beside the fields every algorithm reads, the same for all room versions. */
export type RoomEvent = {
  readonly eventId: string;
  readonly roomId: string;
  readonly type: string;
  /** Absent on message events; the empty string is a state key. */
  readonly stateKey?: string;
  readonly sender: string;
  readonly content: JsonObject;
  /** Milliseconds since the epoch, as the origin claims. */
  readonly originServerTs: number;
  readonly depth: number;
  readonly prevEvents: readonly string[];
  readonly authEvents: readonly string[];
  /** The event this one redacts, wherever the room version keeps it. */
  readonly redacts?: string;
  readonly pdu: Pdu;
};

/** Names one entry of room state; made by `stateKeyOf`, compared as a string, read back by `readStateKey`. */
export type StateKey = string;
export type StateMap<T> = ReadonlyMap<StateKey, T>;

/** Unambiguous for any type and state key, because JSON quotes both. */
export const stateKeyOf = (type: string, stateKey: string): StateKey =>
  JSON.stringify([type, stateKey]);

export const readStateKey = (key: StateKey): readonly [type: string, stateKey: string] =>
  JSON.parse(key) as [string, string];

/** The outcome of a check. `rule` names the specification's rule that refused it. */
export type Verdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly rule: string; readonly reason: string };
