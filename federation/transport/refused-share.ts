import { limits } from '@candor/spec';
import type { Transaction } from './build-transaction.ts';
import { PeerError } from './peer-error.ts';

// 401 too: what two servers read differently has no signature that both find good.
const statusesOfContent = [400, 401, 413, 422];

/** Whether a transaction as it is may be what the peer does not take, or what we cannot sign. */
const isOfContent = (error: unknown): boolean =>
  error instanceof PeerError
    ? error.kind === 'status' && statusesOfContent.includes(error.status ?? 0)
    : error !== undefined;

const sizeOf = ({ positions, eduIds }: Transaction): number => positions.length + eduIds.length;

/** Everything that one transaction may hold. */
const wholeSize = limits.transactionPdusMax + limits.transactionEdusMax;

/**
 * Finds what a peer refuses each time: such a transaction is sent once more as it is, then its first half, down to
 * one PDU or EDU. That one is at fault when the peer takes an empty transaction, and refuses it still.
 */
export class RefusedShare {
  #sizeMax = wholeSize;
  #refusals = 0;
  #isProbing = false;
  #isProbed = false;

  /** How many PDUs and EDUs the next transaction may have together. */
  get sizeMax(): number {
    return this.#isProbing ? 0 : this.#sizeMax;
  }

  get isProbing(): boolean {
    return this.#isProbing;
  }

  get isNarrowed(): boolean {
    return this.#isProbing || this.#sizeMax < wholeSize;
  }

  /** The peer has taken a transaction. */
  onTaken(): void {
    this.#refusals = 0;
    this.#isProbed = this.#isProbing;
    if (!this.#isProbing) this.#sizeMax = Math.min(wholeSize, this.#sizeMax * 2);
    this.#isProbing = false;
  }

  /** What to do with a transaction that failed: send it again as it is, make a smaller one, or forget what is in it. */
  onFailed(transaction: Transaction, error: unknown): 'repeat' | 'shrink' | 'drop' {
    // A peer that takes nothing at all is waited for.
    if (!isOfContent(error) || this.#isProbing) return 'repeat';
    this.#refusals += 1;
    if (this.#refusals < limits.transactionRefusalsMax) return 'repeat';
    this.#refusals = 0;
    const size = sizeOf(transaction);
    if (size === 1 && this.#isProbed) {
      this.#isProbed = false;
      return 'drop';
    }
    if (size > 1) this.#sizeMax = Math.ceil(size / 2);
    else this.#isProbing = true;
    return 'shrink';
  }
}
