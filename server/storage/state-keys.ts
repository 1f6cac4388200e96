import { type StateKey, stateKeyOf } from '@candor/federation';
import { limits } from '@candor/spec';
import { sql } from 'kysely';
import { recentlyUsed } from '../recently-used.ts';
import type { Db } from './database.ts';
import { readTogether } from './read-together.ts';

/** State keys as small integers. A row that is never used does no harm, so interning needs no transaction. */
export class StateKeys {
  readonly #db: Db;
  readonly #nids = recentlyUsed<StateKey, number>(limits.stateKeysInMemoryMax);
  readonly #makeTogether = readTogether(async (lists: readonly (readonly StateKey[])[]) => {
    const made = await this.#make([...new Set(lists.flat())].sort());
    const nids = new Map(made.map((row) => [row.key, row.key_nid]));
    return lists.map(() => nids);
  });

  constructor(db: Db) {
    this.#db = db;
  }

  /** The integers of keys, made where they are new. */
  async intern(keys: readonly StateKey[]): Promise<ReadonlyMap<StateKey, number>> {
    const found = new Map<StateKey, number>();
    const missing = new Set<StateKey>();
    for (const key of keys) {
      const nid = this.#nids.get(key);
      if (nid === undefined) missing.add(key);
      else found.set(key, nid);
    }
    // A key that another process makes in the same moment is seen at the second try.
    while (missing.size > 0) {
      const made = await this.#makeTogether([...missing]);
      for (const key of [...missing]) {
        const nid = made.get(key);
        if (nid === undefined) continue;
        this.#nids.set(key, nid);
        found.set(key, nid);
        missing.delete(key);
      }
    }
    return found;
  }

  async internOne(type: string, stateKey: string): Promise<number> {
    const key = stateKeyOf(type, stateKey);
    const known = this.#nids.get(key) ?? (await this.intern([key])).get(key);
    if (known === undefined) throw new Error('a state key was not stored');
    return known;
  }

  async #make(keys: readonly StateKey[]): Promise<readonly { key: StateKey; key_nid: number }[]> {
    const { rows } = await sql<{ key: StateKey; key_nid: number }>`
      WITH known AS (SELECT key, key_nid FROM state_keys WHERE key = any(${keys}::text[])),
      made AS (
        INSERT INTO state_keys (key)
        SELECT key FROM unnest(${keys}::text[]) AS wanted (key)
        WHERE key NOT IN (SELECT key FROM known)
        ON CONFLICT DO NOTHING RETURNING key, key_nid
      )
      SELECT * FROM known UNION ALL SELECT * FROM made`.execute(this.#db.sql);
    return rows;
  }
}
