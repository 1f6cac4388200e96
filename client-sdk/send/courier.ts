import { setTimeout } from 'node:timers/promises';
import { limits } from '@candor/spec';
import type { Proofs } from '../api/authenticate.ts';
import { backOff } from '../api/back-off.ts';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { performRequest } from '../api/perform-request.ts';
import { RequestError } from '../api/request-error.ts';
import type { EngineRequest } from '../signal/engine-context.ts';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import { exclusive } from '../signal/exclusive.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';

export type CourierOptions = {
  readonly api: HomeserverApi;
  readonly engine: SignalEngine;
  readonly onOutcome: (outcome: ReceiveOutcome) => void;
};

const roundsMax = 10;

/** Carries the Signal engine's requests to the homeserver and their answers back, one at a time. */
export class Courier {
  readonly #api: HomeserverApi;
  readonly #engine: SignalEngine;
  readonly #onOutcome: CourierOptions['onOutcome'];
  readonly #alone = exclusive();

  constructor({ api, engine, onOutcome }: CourierOptions) {
    this.#api = api;
    this.#engine = engine;
    this.#onOutcome = onOutcome;
  }

  /** Makes these requests; rejects at the first that failed. */
  perform(requests: readonly EngineRequest[], proofs: Proofs = {}): Promise<void> {
    return this.#alone(() => this.#performAll(requests, proofs));
  }

  /** Makes the requests that are due, and those that follow from their answers; rejects when one failed. */
  followUp(proofs: Proofs = {}): Promise<void> {
    return this.#alone(async () => {
      for (let round = 0; round < roundsMax; round++) {
        const requests = await this.#engine.outgoingRequests();
        if (requests.length === 0) return;
        await this.#performEach(requests, proofs);
      }
    });
  }

  /** Does so every few seconds, since retry requests become due with time; resolves when the signal ends. */
  async keepFollowingUp(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    const pause = backOff();
    while (!signal.aborted) {
      try {
        await this.followUp();
        pause.reset();
        await setTimeout(limits.clientFollowUpIntervalMs, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
        await pause.wait(signal, error instanceof RequestError ? error.retryAfterMs : 0);
      }
    }
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#alone(() => Promise.resolve());
  }

  async #performAll(requests: readonly EngineRequest[], proofs: Proofs): Promise<void> {
    for (const request of requests) {
      const answer = await this.#perform(request, proofs);
      for (const part of this.#engine.partsOf(request)) {
        this.#onOutcome(await this.#engine.applyAnswer(part, answer));
      }
    }
  }

  /** One that is refused does not hold up the others. */
  async #performEach(requests: readonly EngineRequest[], proofs: Proofs): Promise<void> {
    const refusals: RequestError[] = [];
    for (const request of requests) {
      try {
        await this.#performAll([request], proofs);
      } catch (error) {
        if (!(error instanceof RequestError) || error.isPassing) throw error;
        refusals.push(error);
      }
    }
    if (refusals.length > 0) throw refusals[0];
  }

  async #perform(request: EngineRequest, proofs: Proofs): Promise<unknown> {
    try {
      return await performRequest(this.#api, request, proofs);
    } catch (error) {
      // While our own server is away, or we are signed out, nothing is decided without it; what it
      // refuses is left alone for a while.
      if (error instanceof RequestError && !error.isPassing && error.status !== 401)
        await this.#engine.applyFailure(request);
      throw error;
    }
  }
}
