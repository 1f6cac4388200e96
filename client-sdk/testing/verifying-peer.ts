import { encodeBase64, type JsonObject } from '@candor/federation';
import {
  type Flow,
  flows,
  type Method,
  type OwnSide,
  type Proof,
  type State,
} from '../verification/flow.ts';
import { allMethods, newFlow } from '../verification/new-flow.ts';
import { type Input, step } from '../verification/step.ts';

const now = 1_700_000_000_000;
const keyOf = (byte: number): string => encodeBase64(new Uint8Array(32).fill(byte));

const alice: OwnSide = {
  userId: '@alice:a.example',
  deviceId: 'PHONE',
  deviceKey: keyOf(1),
  masterKey: keyOf(2),
  vouches: true,
};
// The same device id as Alice's: ids are per user.
const bob: OwnSide = {
  userId: '@bob:b.example',
  deviceId: 'PHONE',
  deviceKey: keyOf(3),
  masterKey: keyOf(4),
  vouches: true,
};
const laptop: OwnSide = { ...alice, deviceId: 'LAPTOP', deviceKey: keyOf(5), vouches: false };

/** Who takes part in the tests of verification, a key that is nobody's, and when it is. */
export const verifying = { alice, bob, laptop, otherKey: keyOf(9), keyOf, now };

export type VerificationMessage = { readonly type: string; readonly content: JsonObject };

/** One device in a test: its flow, what is on the way from it, and what it was convinced of. */
export class VerifyingPeer {
  flow: Flow;
  /** Whom it takes the other for. */
  readonly sees: OwnSide;
  readonly outbox: VerificationMessage[] = [];
  readonly proofs: Proof[] = [];

  constructor(flow: Flow, sees: OwnSide) {
    this.flow = flow;
    this.sees = sees;
  }

  get at(): State['at'] {
    return this.flow.state.at;
  }
  get code(): string | undefined {
    return this.flow.state.at === 'cancelled' ? this.flow.state.code : undefined;
  }
  get shown() {
    const { state } = this.flow;
    return 'shown' in state ? state.shown : undefined;
  }

  does(input: Input): string | undefined {
    const { flow, actions, refused } = step(this.flow, input);
    this.flow = flow;
    for (const action of actions) {
      if (action.kind === 'verified') this.proofs.push(action.proof);
      else if (action.devices.includes(this.sees.deviceId)) {
        const type = action.type.slice(flows.prefix.length);
        this.outbox.push({ type, content: action.content });
      }
    }
    return refused;
  }

  hears({ type, content }: VerificationMessage, sender: string = this.sees.userId): void {
    this.does({ kind: 'received', type, content, sender, senderDevice: null, from: this.sees });
  }
}

/** What the asking and the asked device take the other for. */
export type SeenAs = readonly [Partial<OwnSide>, Partial<OwnSide>];
export type PairOptions = {
  readonly seen?: SeenAs;
  readonly methods?: readonly Method[];
};

type Pair = [VerifyingPeer, VerifyingPeer];

/** A request that has arrived. */
const begin = (
  asking: OwnSide,
  asked: OwnSide,
  { seen = [{}, {}], methods = allMethods }: PairOptions = {},
): Pair => {
  const request = { id: 'transaction', roomId: null, own: asking, otherUserId: asked.userId };
  const flow = newFlow.requested(
    { ...request, asked: ['PHONE', 'TABLET'], ownMethods: methods },
    now,
  );
  const offer = {
    id: 'transaction',
    roomId: null,
    fromDevice: asking.deviceId,
    methods,
    sentAt: now,
  };
  const seesAsking = { ...asking, ...seen[1] };
  const offered = newFlow.offered(offer, asked, seesAsking, now);
  return [
    new VerifyingPeer(flow, { ...asked, ...seen[0] }),
    new VerifyingPeer(offered, seesAsking),
  ];
};

/** Delivers until nothing is on the way. */
const settle = (one: VerifyingPeer, other: VerifyingPeer): void => {
  while (one.outbox.length + other.outbox.length > 0) {
    for (const message of one.outbox.splice(0)) other.hears(message);
    for (const message of other.outbox.splice(0)) one.hears(message);
  }
};

const ready = (asking: OwnSide, asked: OwnSide, options?: PairOptions): Pair => {
  const [one, other] = begin(asking, asked, options);
  other.does({ kind: 'accept', now });
  settle(one, other);
  return [one, other];
};

const comparing = (asking: OwnSide, asked: OwnSide, options?: PairOptions): Pair => {
  const [one, other] = ready(asking, asked, options);
  one.does({ kind: 'start-sas' });
  settle(one, other);
  return [one, other];
};

/** Two devices in front of each other, at a stage of their verification. */
export const verifyingPair = { begin, ready, comparing, settle };
