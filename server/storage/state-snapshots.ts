import { limits } from '@candor/spec';
import { sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Db } from './database.ts';
import type { SnapshotHead } from './next-snapshot.ts';
import { readTogether } from './read-together.ts';
import { readStateHash, stateHashBytes } from './state-hash.ts';

/** A state set in full, as integers, and where its row stands. */
export type LoadedSnapshot = SnapshotHead & { readonly entries: ReadonlyMap<number, number> };

/** A row: what differs from its parent, zero where a key goes. */
type Link = {
  readonly nid: number;
  readonly parentNid: number | null;
  readonly hops: number;
  readonly hash: bigint;
  readonly entries: ReadonlyMap<number, number>;
};

type Row = {
  readonly snapshot_nid: number;
  readonly parent_nid: number | null;
  readonly hops: number;
  readonly state_hash: Buffer;
  readonly key_nids: readonly number[];
  readonly event_nids: readonly (string | number)[];
};

const linkOf = (row: Row): Link => ({
  nid: row.snapshot_nid,
  parentNid: row.parent_nid,
  hops: row.hops,
  hash: readStateHash(row.state_hash),
  entries: new Map(row.key_nids.map((key, index) => [key, Number(row.event_nids[index])])),
});

/** Reads stored state sets. Rows never change, so what was read once is kept while there is space. */
export class Snapshots {
  readonly #db: Db;
  readonly #links = new LRUCache<number, Link>({
    maxSize: limits.snapshotsInMemoryEntriesMax,
    sizeCalculation: (link) => link.entries.size + 8,
  });

  readonly #readLines: (nids: readonly number[]) => Promise<ReadonlyMap<number, Link>>;
  readonly #readLinks: (nids: readonly number[]) => Promise<ReadonlyMap<number, Link>>;

  constructor(db: Db) {
    this.#db = db;
    const shared = (read: (nids: readonly number[]) => Promise<readonly Link[]>) =>
      readTogether(async (lists: readonly (readonly number[])[]) => {
        const links = await read([...new Set(lists.flat())]);
        const found = new Map(links.map((link) => [link.nid, link]));
        return lists.map(() => found);
      });
    this.#readLines = shared((nids) => this.#read(nids));
    this.#readLinks = shared((nids) => this.#readRows(nids));
  }

  /** The state set in full; undefined when no such snapshot is stored. */
  async load(nid: number): Promise<LoadedSnapshot | undefined> {
    const chain = (await this.#chains([nid])).get(nid) ?? [];
    const [head] = chain;
    const base = chain.at(-1);
    if (!head || !base) return undefined;
    const entries = new Map(base.entries);
    const sinceBase = new Map<number, number>();
    for (const link of chain.slice(0, -1).reverse()) {
      for (const [key, event] of link.entries) {
        sinceBase.set(key, event);
        if (event === 0) entries.delete(key);
        else entries.set(key, event);
      }
    }
    return { nid, hash: head.hash, hops: head.hops, baseNid: base.nid, sinceBase, entries };
  }

  /** For each snapshot, the events behind a few keys; a key that is not in the state has no entry. */
  async look(
    nids: Iterable<number>,
    keyNids: readonly number[],
  ): Promise<ReadonlyMap<number, ReadonlyMap<number, number>>> {
    const found = new Map<number, Map<number, number>>();
    for (const [nid, chain] of await this.#chains([...new Set(nids)])) {
      const entries = new Map<number, number>();
      for (const key of keyNids) {
        const event = chain.find((link) => link.entries.has(key))?.entries.get(key);
        if (event) entries.set(key, event);
      }
      found.set(nid, entries);
    }
    return found;
  }

  /** For each pair of a snapshot and a key the event behind it; undefined where the key is not in the state. */
  async lookEach(
    pairs: readonly { readonly nid: number; readonly keyNid: number }[],
  ): Promise<readonly (number | undefined)[]> {
    const chains = await this.#chains([...new Set(pairs.map(({ nid }) => nid))]);
    return pairs.map(({ nid, keyNid }) => {
      const link = chains.get(nid)?.find(({ entries }) => entries.has(keyNid));
      // Zero says that the key has gone.
      return link?.entries.get(keyNid) || undefined;
    });
  }

  /** A stored snapshot of exactly this state set, if there is one. The hash only finds it. */
  async find(
    roomNid: number,
    hash: bigint,
    entries: ReadonlyMap<number, number>,
  ): Promise<LoadedSnapshot | undefined> {
    const candidates = await this.#db.sql
      .selectFrom('state_snapshots')
      .select('snapshot_nid')
      .where('room_nid', '=', roomNid)
      .where('state_hash', '=', stateHashBytes(hash))
      .execute();
    for (const { snapshot_nid } of candidates) {
      const snapshot = await this.load(snapshot_nid);
      if (snapshot?.entries.size !== entries.size) continue;
      if ([...entries].every(([key, event]) => snapshot.entries.get(key) === event))
        return snapshot;
    }
    return undefined;
  }

  /** Each snapshot's line of links, from itself to the full copy. */
  async #chains(nids: readonly number[]): Promise<ReadonlyMap<number, readonly Link[]>> {
    // Links that are held here cannot be dropped from the cache in between.
    const held = new Map<number, Link>();
    const chains = new Map<number, readonly Link[]>();
    const missing: number[] = [];
    for (const nid of nids) {
      const chain = this.#follow(nid, held);
      if (chain) chains.set(nid, chain);
      else missing.push(nid);
    }
    if (missing.length === 0) return chains;
    const hold = (links: ReadonlyMap<number, Link>) => {
      for (const [nid, link] of links) held.set(nid, link);
    };
    hold(await this.#readLines(missing));
    const bases = new Set<number>();
    for (const { parentNid } of held.values()) {
      if (parentNid !== null && !held.has(parentNid)) {
        const known = this.#links.get(parentNid);
        if (known) held.set(parentNid, known);
        else bases.add(parentNid);
      }
    }
    if (bases.size > 0) hold(await this.#readLinks([...bases]));
    for (const nid of missing) {
      const chain = this.#follow(nid, held);
      if (chain) chains.set(nid, chain);
    }
    return chains;
  }

  #follow(nid: number, held: ReadonlyMap<number, Link>): readonly Link[] | undefined {
    const chain: Link[] = [];
    for (let next: number | null = nid; next !== null; ) {
      const link: Link | undefined = held.get(next) ?? this.#links.get(next);
      if (!link) return undefined;
      chain.push(link);
      next = link.parentNid;
    }
    return chain;
  }

  /** The lines up to their full copies, which are large and often in memory already. */
  async #read(nids: readonly number[]): Promise<readonly Link[]> {
    const { rows } = await sql<{ snapshot_nid: number }>`
      WITH RECURSIVE chain AS (
        SELECT snapshot_nid, parent_nid FROM state_snapshots
        WHERE snapshot_nid = any(${nids}::bigint[])
        UNION
        SELECT s.snapshot_nid, s.parent_nid FROM chain c
        JOIN state_snapshots s ON s.snapshot_nid = c.parent_nid WHERE s.hops > 0
      ) SELECT snapshot_nid FROM chain`.execute(this.#db.sql);
    return this.#readRows(rows.map((row) => row.snapshot_nid));
  }

  async #readRows(nids: readonly number[]): Promise<readonly Link[]> {
    if (nids.length === 0) return [];
    const rows = await this.#db.sql
      .selectFrom('state_snapshots')
      .selectAll()
      .where('snapshot_nid', '=', sql<number>`any(${nids}::bigint[])`)
      .execute();
    const links = rows.map(linkOf);
    for (const link of links) this.#links.set(link.nid, link);
    return links;
  }
}
