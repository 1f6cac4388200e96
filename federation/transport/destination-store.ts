import type { PendingEdu, PendingPdu } from './build-transaction.ts';

/** Kept in the store, so that a restart does not storm servers that are down. Times in milliseconds. */
export type Backoff = {
  readonly failures: number;
  readonly retryAt: number;
  readonly failingSince: number;
};

export type DestinationStore = {
  /** The next unconfirmed PDUs by position. */
  pendingPdus(destination: string, limit: number): Promise<readonly PendingPdu[]>;
  /** Of each room with unconfirmed PDUs only the latest, by position. */
  latestPdus(destination: string, limit: number): Promise<readonly PendingPdu[]>;
  pendingEdus(destination: string, limit: number): Promise<readonly PendingEdu[]>;
  /**
   * The PDUs at these positions, all earlier ones of their rooms, and these EDUs need not be sent any more.
   * Not all earlier ones of other rooms: a writer may commit them after we have read.
   */
  confirmed(
    destination: string,
    positions: readonly number[],
    eduIds: readonly number[],
  ): Promise<void>;
  /** Forgets of each room's PDUs all but the latest. */
  forgetSuperseded(destination: string): Promise<void>;
  /** Forgets EDUs, but for those that tell of changed keys: no later one makes up for these. */
  forgetEdus(destination: string): Promise<void>;
  backoff(destination: string): Promise<Backoff | undefined>;
  saveBackoff(destination: string, backoff: Backoff | undefined): Promise<void>;
  /** Those with unconfirmed PDUs or EDUs. */
  destinationsWithWork(): Promise<readonly string[]>;
};
