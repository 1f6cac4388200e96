import { EventEmitter } from 'node:events';
import type { Emoji } from './emoji-table.ts';
import { type Action, type Flow, flows, type Side, type State } from './flow.ts';
import { qrExchange } from './qr-exchange.ts';
import { type Input, step } from './step.ts';

/** Where a verification stands, for people. */
export type VerificationPhase =
  /** Waits for the other's answer, or for ours (`accept`). */
  | 'requested'
  /** Choose a way: `startSas`, show `qrCode`, or `scan`. */
  | 'ready'
  | 'started'
  /** Both people compare `emoji` or `decimal`: `confirm` or `mismatch`. */
  | 'comparing'
  /** The other device says that it scanned our code; does it show success? `confirm` or `mismatch`. */
  | 'scanned'
  /** Our part is done, the other's is not. */
  | 'waiting'
  | 'verified'
  | 'cancelled';

/** Why it ended without success; `code` is one of the specification's, such as `m.user` or `m.timeout`. */
export type Cancellation = {
  readonly code: string;
  readonly reason: string;
  readonly byUs: boolean;
};

/** What became of a scan; only `wrong-keys` ends the verification. */
export type ScanResult = 'taken' | 'not-now' | 'unreadable' | 'other-verification' | 'wrong-keys';

const phases: Readonly<Record<State['at'], VerificationPhase>> = {
  ...{ requested: 'requested', offered: 'requested', ready: 'ready', starting: 'started' },
  ...{ accepted: 'started', 'key-sent': 'started', comparing: 'comparing', confirmed: 'waiting' },
  ...{ scanning: 'waiting', scanned: 'scanned', 'done-sent': 'waiting' },
  ...{ verified: 'verified', cancelled: 'cancelled' },
};

export type VerificationHost = {
  readonly now: () => number;
  /** Does what the flow asks for; false when its result was not accepted after all. */
  readonly perform: (flow: Flow, actions: readonly Action[]) => Promise<boolean>;
  readonly onOver: () => void;
  readonly onProblem: (error: unknown) => void;
};

/** One verification of another user or of an own device; it tells `change` with its new phase. */
export class Verification extends EventEmitter<{ change: [phase: VerificationPhase] }> {
  readonly userId: string;
  /** They asked: `accept` or `cancel`. */
  readonly incoming: boolean;
  /** Resolves at the end. */
  readonly finished: Promise<'verified' | 'cancelled'>;
  readonly #host: VerificationHost;
  #flow: Flow;
  #phase: VerificationPhase;
  #timer: NodeJS.Timeout | undefined;
  #resolve: (end: 'verified' | 'cancelled') => void = () => {};

  constructor(flow: Flow, host: VerificationHost) {
    super();
    this.userId = flow.otherUserId;
    this.incoming = flow.state.at === 'offered';
    this.finished = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#host = host;
    this.#flow = flow;
    this.#phase = phases[flow.state.at];
    this.#setTimer();
  }

  get phase(): VerificationPhase {
    return this.#phase;
  }
  /** The device on the other side, once one answered. */
  get deviceId(): string | null {
    return this.#flow.other?.deviceId ?? null;
  }
  /** The room whose events carry it; null for to-device messages. */
  get roomId(): string | null {
    return this.#flow.roomId;
  }
  /** Seven signs with English names, in the phases in which they are compared. */
  get emoji(): readonly Emoji[] | undefined {
    return this.#shown?.emoji;
  }
  /** The same as three numbers. */
  get decimal(): readonly number[] | undefined {
    return this.#shown?.decimal;
  }
  /** The bytes of the QR code to show, when `ready` and the other side can scan. */
  get qrCode(): Uint8Array | undefined {
    return qrExchange.shown(this.#flow);
  }
  /** What both sides can do. */
  get can(): { readonly sas: boolean; readonly show: boolean; readonly scan: boolean } {
    const flow = this.#flow;
    return {
      sas: flows.canUseSas(flow),
      show: flows.canShow(flow),
      scan: flows.canScan(flow),
    };
  }
  get cancellation(): Cancellation | undefined {
    const { state } = this.#flow;
    if (state.at !== 'cancelled') return undefined;
    return { code: state.code, reason: state.reason, byUs: state.byUs };
  }

  get #shown() {
    const { state } = this.#flow;
    return state.at === 'comparing' || state.at === 'confirmed' ? state.shown : undefined;
  }

  /** Accepts their request; false when it is no longer open or nothing in common is known. */
  accept(): boolean {
    return this.take({ kind: 'accept', now: this.#host.now() }) === undefined;
  }
  /** Begins the comparison of short strings; false when it is not the time. */
  startSas(): boolean {
    return this.take({ kind: 'start-sas' }) === undefined;
  }
  /** The other's QR code was scanned: its bytes. */
  scan(bytes: Uint8Array): ScanResult {
    return (this.take({ kind: 'scan', bytes }) as ScanResult | undefined) ?? 'taken';
  }
  /** Both show the same, or the other device accepted our code. */
  confirm(): boolean {
    return this.take({ kind: 'confirm' }) === undefined;
  }
  /** They do not: somebody may sit in between. */
  mismatch(): boolean {
    return this.take({ kind: 'mismatch' }) === undefined;
  }
  /** Gives up or declines; false when it is over, or our side is convinced and has said so. */
  cancel(): boolean {
    return this.take({ kind: 'cancel' }) === undefined;
  }

  /** For the client: something happened to the verification. Gives why a wish was refused. */
  take(input: Input): string | undefined {
    const { flow, actions, refused } = step(this.#flow, input);
    this.#flow = flow;
    const isVerified = actions.some(({ kind }) => kind === 'verified');
    this.#host.perform(flow, actions).then(
      (isAccepted) => {
        if (!isAccepted) this.fail('m.key_mismatch', 'the keys changed meanwhile');
        // Verified only once it is written down.
        else if (isVerified) this.#show();
      },
      (error: unknown) => {
        this.#host.onProblem(error);
        const isEnded = flows.isOver(this.#flow) && !isVerified;
        if (!isEnded) this.fail('m.user', 'it could not be sent or stored');
      },
    );
    if (!isVerified) this.#show();
    return refused;
  }

  /** For the client: it cannot go on, and the other side cannot be told. */
  fail(code: string, reason: string): void {
    this.#flow = { ...this.#flow, state: { at: 'cancelled', code, reason, byUs: true } };
    this.#show();
  }

  /** For the client: nothing more will happen here. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #show(): void {
    const phase = phases[this.#flow.state.at];
    this.#setTimer();
    if (phase === this.#phase) return;
    this.#phase = phase;
    if (phase === 'verified' || phase === 'cancelled') {
      this.#resolve(phase);
      this.#host.onOver();
    }
    try {
      this.emit('change', phase);
    } catch (error) {
      this.#host.onProblem(error);
    }
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    if (flows.isOver(this.#flow)) return;
    const onTime = () => this.take({ kind: 'time', now: this.#host.now() });
    this.#timer = setTimeout(onTime, Math.max(1, this.#flow.expiresAt - this.#host.now()));
    this.#timer.unref();
  }

  /** For the client: the device that answered, and whether nothing more is expected. */
  get standing(): { readonly other: Side | null; readonly isOver: boolean } {
    return { other: this.#flow.other, isOver: flows.isOver(this.#flow) };
  }
}
