import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import type { SafetyNumber } from '../signal/fingerprint.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import type { Row } from '../stores/tables.ts';

export type DeviceOfUser = {
  readonly deviceId: string;
  readonly displayName: string | null;
  readonly trusted: boolean;
};

/**
 * What the person decides about others' identities. A decision is about the key that was last shown:
 * one that the server put in its place meanwhile is not accepted with it.
 */
export class Decisions {
  readonly #engine: SignalEngine;
  readonly #onOutcome: (outcome: ReceiveOutcome) => void;
  readonly #shown = new Map<string, string>();

  constructor(engine: SignalEngine, onOutcome: (outcome: ReceiveOutcome) => void) {
    this.#engine = engine;
    this.#onOutcome = onOutcome;
  }

  /** The person is shown a user's present key, or something made from it. */
  show(userId: string): void {
    const { masterKey } = this.#engine.trustOf(userId);
    if (masterKey !== null) this.#shown.set(userId, masterKey);
  }

  devicesOf(userId: string): DeviceOfUser[] {
    return this.#engine
      .devicesOf(userId)
      .map(({ deviceId, displayName, eligible: trusted }) => ({ deviceId, displayName, trusted }));
  }

  warnings(): Row<'warnings'>[] {
    const open = this.#engine.warnings();
    for (const { userId } of open) this.show(userId);
    return open;
  }

  safetyNumber(userId: string): SafetyNumber | undefined {
    this.show(userId);
    return this.#engine.safetyNumber(userId);
  }

  /** Accepts the key last shown; false when it is another by now, or none was shown. */
  async accept(userId: string, how: 'acknowledge' | 'verify'): Promise<boolean> {
    const masterKey = this.#shown.get(userId);
    if (masterKey === undefined) return false;
    const outcome = await this.#engine[how](userId, masterKey);
    if (outcome) this.#onOutcome(outcome);
    return outcome !== undefined;
  }
}
