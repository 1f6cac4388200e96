import { type StateKey, stateKeyOf } from '@candor/federation';
import { limits } from '@candor/spec';
import { sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Db } from './database.ts';

/** State keys as small integers. A row that is never used does no harm, so interning needs no transaction. */
export class StateKeys {
  readonly #db: Db;
  readonly #nids = new LRUCache<StateKey, number>({ max: limits.stateKeysInMemoryMax });

  constructor(db: Db) {
    this.#db = db;
  }

  /** The integer of one key if it is in memory. */
  known(key: StateKey): number | undefined {
    return this.#nids.get(key);
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
    if (missing.size === 0) return found;
    await this.#read([...missing], found);
    const unknown = [...missing].filter((key) => !found.has(key));
    if (unknown.length === 0) return found;
    await this.#db.sql
      .insertInto('state_keys')
      .columns(['key'])
      .expression(sql`select * from unnest(${unknown.sort()}::text[])`)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await this.#read(unknown, found);
    return found;
  }

  async internOne(type: string, stateKey: string): Promise<number> {
    const key = stateKeyOf(type, stateKey);
    const known = this.#nids.get(key) ?? (await this.intern([key])).get(key);
    if (known === undefined) throw new Error('a state key was not stored');
    return known;
  }

  /** The keys behind integers. */
  async names(nids: readonly number[]): Promise<ReadonlyMap<number, StateKey>> {
    const rows = await this.#db.sql
      .selectFrom('state_keys')
      .selectAll()
      .where('key_nid', '=', sql<number>`any(${nids}::int[])`)
      .execute();
    return new Map(rows.map((row) => [row.key_nid, row.key]));
  }

  async #read(keys: readonly StateKey[], found: Map<StateKey, number>): Promise<void> {
    const rows = await this.#db.sql
      .selectFrom('state_keys')
      .selectAll()
      .where('key', '=', sql<string>`any(${keys}::text[])`)
      .execute();
    for (const row of rows) {
      this.#nids.set(row.key, row.key_nid);
      found.set(row.key, row.key_nid);
    }
  }
}
