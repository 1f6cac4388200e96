import { CompiledQuery } from 'kysely';
import type { Db } from './database.ts';

type Sequence = { readonly name: 'room_nids' | 'snapshot_nids'; readonly blockSize: number };

/** Integer ids taken before their rows are written; the block sizes are the sequences' increments. */
export const nidSequences = {
  rooms: { name: 'room_nids', blockSize: 1 },
  snapshots: { name: 'snapshot_nids', blockSize: 1_000 },
} as const satisfies Record<string, Sequence>;

/** Hands out the ids of one sequence: a query for each block, none in between. */
export class NidBlocks {
  readonly #db: Db;
  readonly #sequence: Sequence;
  #next = 0;
  #end = 0;
  #refill: Promise<void> | undefined;

  constructor(db: Db, sequence: Sequence) {
    this.#db = db;
    this.#sequence = sequence;
  }

  async take(): Promise<number> {
    while (this.#next >= this.#end) {
      this.#refill ??= this.#reserve().finally(() => {
        this.#refill = undefined;
      });
      await this.#refill;
    }
    return this.#next++;
  }

  async #reserve(): Promise<void> {
    const { rows } = await this.#db.sql.executeQuery<{ start: number }>(
      CompiledQuery.raw('SELECT nextval($1::regclass) AS start', [this.#sequence.name]),
    );
    this.#next = rows[0]?.start ?? 0;
    this.#end = this.#next + this.#sequence.blockSize;
  }
}
