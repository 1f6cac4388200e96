import { limits } from '@candor/spec';
import { metrics } from '../../metrics.ts';
import type { Tls } from '../load-certificate.ts';
import type { Pauses } from '../pauses.ts';
import { AcmeError } from './acme-error.ts';
import type { AcmeFailure, AcmeFiles, KeptCertificate } from './acme-files.ts';
import { withAuthority } from './acme-web.ts';
import { type ObtainOptions, obtainCertificate } from './obtain-certificate.ts';
import { readRenewalInfo } from './renewal-info.ts';
import { isAsSet, renewAt, restAfter } from './when-to-renew.ts';
import { pauseAfter, retryAtStart } from './when-to-retry.ts';

export type RenewalOptions = ObtainOptions & {
  readonly files: AcmeFiles;
  readonly kept: KeptCertificate | undefined;
  /** Of an earlier run of the server. */
  readonly failure: AcmeFailure | undefined;
  readonly random: () => number;
  readonly pauses: Pauses;
};

// A timer cannot be much longer than some weeks, and the clock may be set in between.
const waitMsMax = 3_600_000;

/** Orders a certificate when there is none or the one there is grows old, for as long as the server runs. */
export class CertificateRenewal {
  readonly #options: RenewalOptions;
  readonly #asked: string;
  readonly #jitter: number;
  #kept: KeptCertificate | undefined;
  #failure: AcmeFailure | undefined;
  /** When the authority would have the certificate renewed; undefined where it says nothing. */
  #wishedAt: number | undefined;
  #askAgainAt = 0;
  /** When the last one was had; undefined once a person asks for another look. */
  #obtainedAt: number | undefined;

  constructor(options: RenewalOptions) {
    const { acme, hosts, kept, failure, random, now } = options;
    this.#options = options;
    this.#kept = kept;
    this.#jitter = random();
    this.#asked = `${hosts.join(' ')} of ${acme.directory}`;
    if (failure?.asked === this.#asked)
      this.#failure = { ...failure, retryAt: retryAtStart(failure, now()) };
  }

  /** Leaves out the pause after a failure, unless the authority asked for it, and that after a success. */
  hurry(): void {
    this.#obtainedAt = undefined;
    if (this.#failure?.isAskedFor === false) this.#failure = { ...this.#failure, retryAt: 0 };
  }

  /** Until the pauses end. */
  async run(show: (tls: Tls) => void): Promise<void> {
    const { pauses, now } = this.#options;
    while (!pauses.signal.aborted) {
      await this.#ask();
      const leftMs = this.#dueAt() - now();
      if (leftMs > 0) await pauses.take(Math.min(leftMs, waitMsMax));
      else await this.#attempt(show);
    }
  }

  #dueAt(): number {
    const { acme, hosts } = this.#options;
    const retryAt = this.#failure?.retryAt ?? 0;
    if (!this.#kept || !isAsSet(this.#kept, acme.directory, hosts)) return retryAt;
    const { certificate } = this.#kept;
    const rest = restAfter(this.#obtainedAt, certificate.validToDate.getTime());
    const oldAt = Math.max(renewAt(certificate, this.#jitter), rest.oldAt);
    const wishedAt = Math.max(this.#wishedAt ?? oldAt, rest.wishedAt);
    return Math.max(Math.min(oldAt, wishedAt), retryAt);
  }

  /** An authority may want a certificate back early. Without an answer our own rule holds. */
  async #ask(): Promise<void> {
    const { acme, pauses, now, log } = this.#options;
    const { certificate, directory } = this.#kept ?? {};
    if (!certificate || directory !== acme.directory || now() < this.#askAgainAt) return;
    this.#askAgainAt = now() + limits.renewalInfoMsMax;
    try {
      const info = await withAuthority(acme, pauses.signal, (web, where) =>
        readRenewalInfo(web, where, certificate, now()),
      );
      if (!info) return;
      this.#askAgainAt = info.askAgainAt;
      this.#wishedAt = info.start + this.#jitter * (info.end - info.start);
    } catch (err) {
      log.debug({ err }, 'the authority does not say when to renew');
    }
  }

  async #attempt(show: (tls: Tls) => void): Promise<void> {
    const { acme, log, pauses, now } = this.#options;
    try {
      const issued = await obtainCertificate(this.#options, pauses.signal);
      const tls = { cert: issued.cert, key: issued.key, origin: 'acme' } as const;
      show(tls);
      this.#kept = { tls, directory: acme.directory, certificate: issued.certificate };
      this.#failure = undefined;
      this.#wishedAt = undefined;
      this.#askAgainAt = 0;
      this.#obtainedAt = now();
    } catch (error) {
      if (pauses.signal.aborted) return;
      this.#failure = this.#judge(error);
      const { failures, retryAt } = this.#failure;
      metrics.certificateRenewalsFailed.inc();
      log.warn(
        { err: error, failures, retryAt: new Date(retryAt).toISOString() },
        'no certificate could be had from the authority; it is tried again',
      );
    }
    await this.#save();
  }

  /** What cannot be written, on a full disk, is used all the same; the next start then orders anew. */
  async #save(): Promise<void> {
    const { files, log } = this.#options;
    try {
      if (this.#kept && !this.#failure) await files.saveCertificate(this.#kept);
      await files.saveFailure(this.#failure);
    } catch (err) {
      log.warn({ err }, 'what became of the order of a certificate could not be written');
    }
  }

  #judge(error: unknown): AcmeFailure {
    const { now, random } = this.#options;
    const failures = (this.#failure?.failures ?? 0) + 1;
    const askedMs = error instanceof AcmeError ? (error.retryAfterMs ?? 0) : 0;
    const pauseMs = pauseAfter(failures, random());
    return {
      asked: this.#asked,
      failures,
      reason: error instanceof Error ? error.message : String(error),
      attemptedAt: now(),
      retryAt: now() + Math.max(pauseMs, askedMs),
      isAskedFor: askedMs > pauseMs,
    };
  }
}
