import type { JsonObject } from '@candor/federation';
import type { EphemeralKey, ShortString } from './sas.ts';

/** The keys of one side, as they were known when the verification began; they do not change in its course. */
export type Side = {
  readonly userId: string;
  readonly deviceId: string;
  /** Ed25519, like the master key, in unpadded base64. */
  readonly deviceKey: string;
  readonly masterKey: string | null;
};
export type OwnSide = Side & {
  /** Whether this device knows its own user's master key to be right. */
  readonly vouches: boolean;
};

export type Method = 'm.sas.v1' | 'm.qr_code.show.v1' | 'm.qr_code.scan.v1' | 'm.reciprocate.v1';

/** What a finished verification proves. */
export type Proof = {
  /** The other user's master key, or between devices of one user its own. */
  readonly masterKey?: string;
  /** The other device, only between devices of one user. */
  readonly device?: { readonly deviceId: string; readonly deviceKey: string };
};

type Agreed = { readonly secret: Uint8Array; readonly shown: ShortString };

/** Where a verification stands. */
export type State =
  /** We asked and nobody answered yet. */
  | { readonly at: 'requested' }
  /** They asked and our person did not answer yet; `start` came instead of a request. */
  | { readonly at: 'offered'; readonly start?: JsonObject }
  | { readonly at: 'ready' }
  /** We sent the start, the accept, or after their accept our key. */
  | { readonly at: 'starting'; readonly start: JsonObject }
  | { readonly at: 'accepted'; readonly start: JsonObject }
  | { readonly at: 'key-sent'; readonly start: JsonObject; readonly commitment: string }
  /** The people compare; the other's may have been quicker. */
  | ({ readonly at: 'comparing'; readonly proof?: Proof } & Agreed)
  | ({ readonly at: 'confirmed' } & Agreed)
  /** We scanned their code, or they say they scanned ours. */
  | { readonly at: 'scanning'; readonly proof: Proof }
  | { readonly at: 'scanned'; readonly proof: Proof; readonly theyAreDone: boolean }
  /** Our side is convinced and said so; from here on it can no longer cancel. */
  | { readonly at: 'done-sent'; readonly proof: Proof }
  | { readonly at: 'verified' }
  | {
      readonly at: 'cancelled';
      readonly code: string;
      readonly reason: string;
      readonly byUs: boolean;
    };

/** One verification as one of its two devices sees it. */
export type Flow = {
  /** The transaction id, or in a room the event id of the request. */
  readonly id: string;
  /** The room whose events carry it; null for to-device messages. */
  readonly roomId: string | null;
  readonly own: OwnSide;
  readonly otherUserId: string;
  /** Null until a device of theirs answered. */
  readonly other: Side | null;
  /** The devices our request went to, of to-device messages. */
  readonly asked: readonly string[];
  readonly ownMethods: readonly Method[];
  readonly otherMethods: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Of this verification alone. */
  readonly ephemeral: EphemeralKey;
  readonly qrSecret: Uint8Array;
  /** The messages taken so far, by type. */
  readonly seen: ReadonlyMap<string, string>;
  readonly state: State;
};

/** What the shell does for a flow. */
export type Action =
  /** `devices` of the other user get it; in a room it is sent once. */
  | {
      readonly kind: 'send';
      readonly type: string;
      readonly content: JsonObject;
      readonly devices: readonly string[];
    }
  | { readonly kind: 'verified'; readonly proof: Proof };

/** The flow afterwards; `refused` says why a person's wish was not fulfilled. */
export type Step = {
  readonly flow: Flow;
  readonly actions: readonly Action[];
  readonly refused?: string;
};

const prefix = 'm.key.verification.';

const send = (
  flow: Flow,
  type: string,
  content: JsonObject,
  devices: readonly string[] = flow.other ? [flow.other.deviceId] : flow.asked,
): Action & { readonly kind: 'send' } => {
  const reference: JsonObject =
    flow.roomId === null
      ? { transaction_id: flow.id }
      : { 'm.relates_to': { rel_type: 'm.reference', event_id: flow.id } };
  return { kind: 'send', type: prefix + type, content: { ...content, ...reference }, devices };
};

const both = ({ ownMethods, otherMethods }: Flow, own: Method, other: Method): boolean =>
  ownMethods.includes(own) && otherMethods.includes(other);

/** What both sides of the machine are built from. */
export const flows = {
  prefix,
  /** A message of this verification, by default to whom it is about. */
  send,

  to: (flow: Flow, state: State, ...actions: Action[]): Step => ({
    flow: { ...flow, state },
    actions,
  }),

  refuse: (flow: Flow, refused: string): Step => ({ flow, actions: [], refused }),

  // https://spec.matrix.org/v1.19/client-server-api/#mkeyverificationcancel
  cancel: (flow: Flow, code: string, reason: string): Step =>
    flows.to(
      flow,
      { at: 'cancelled', code, reason, byUs: true },
      send(flow, 'cancel', { code, reason }),
    ),

  malformed: (flow: Flow): Step =>
    flows.cancel(flow, 'm.invalid_message', 'the message is malformed'),

  isOver: ({ state }: Flow): boolean => state.at === 'verified' || state.at === 'cancelled',
  isOwnUser: ({ own, otherUserId }: Flow): boolean => own.userId === otherUserId,

  canUseSas: (flow: Flow): boolean => both(flow, 'm.sas.v1', 'm.sas.v1'),
  canShow: (flow: Flow): boolean =>
    both(flow, 'm.qr_code.show.v1', 'm.qr_code.scan.v1') &&
    both(flow, 'm.reciprocate.v1', 'm.reciprocate.v1'),
  canScan: (flow: Flow): boolean =>
    both(flow, 'm.qr_code.scan.v1', 'm.qr_code.show.v1') &&
    both(flow, 'm.reciprocate.v1', 'm.reciprocate.v1'),

  // Of two starts that of the lesser id counts.
  // https://spec.matrix.org/v1.19/client-server-api/#key-verification-framework
  oursCounts: (flow: Flow): boolean => {
    const { own, otherUserId, other } = flow;
    if (own.userId !== otherUserId) return own.userId < otherUserId;
    return own.deviceId < (other?.deviceId ?? '');
  },
};
