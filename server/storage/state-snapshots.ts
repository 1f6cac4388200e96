import { limits } from '@candor/spec';
import { sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Db, Tx } from './database.ts';
import type { SnapshotHead } from './next-snapshot.ts';
import { readStateHash, stateHashBytes } from './state-hash.ts';

/** A state set in full, as integers, and where its row stands. */
export type LoadedSnapshot = SnapshotHead & { readonly entries: ReadonlyMap<number, number> };

type ChainRow = {
  readonly snapshot_nid: number;
  readonly parent_nid: number | null;
  readonly hops: number;
  readonly state_hash: Buffer;
  readonly key_nids: readonly number[];
  readonly event_nids: readonly (string | number)[];
};

/** From the nearest row to the full copy: an entry is what the nearest row says of it. */
const assemble = (chain: readonly ChainRow[]): LoadedSnapshot | undefined => {
  const [head] = chain;
  const base = chain.at(-1);
  if (!head || !base) return undefined;
  const newest = new Map<number, number>();
  const sinceBase = new Map<number, number>();
  for (const row of chain) {
    row.key_nids.forEach((key, index) => {
      if (newest.has(key)) return;
      const event = Number(row.event_nids[index]);
      newest.set(key, event);
      if (row !== base) sinceBase.set(key, event);
    });
  }
  for (const [key, event] of newest) if (event === 0) newest.delete(key);
  return {
    nid: head.snapshot_nid,
    hash: readStateHash(head.state_hash),
    hops: head.hops,
    baseNid: base.snapshot_nid,
    sinceBase,
    entries: newest,
  };
};

/** Reads stored state sets; a snapshot never changes, so what was read once is kept while there is room. */
export class Snapshots {
  readonly #db: Db;
  readonly #loaded = new LRUCache<number, LoadedSnapshot>({
    maxSize: limits.snapshotsInMemoryEntriesMax,
    sizeCalculation: (snapshot) => snapshot.entries.size + snapshot.sinceBase.size + 16,
  });

  constructor(db: Db) {
    this.#db = db;
  }

  /** The state set in full; undefined when no such snapshot is stored. */
  async load(nid: number): Promise<LoadedSnapshot | undefined> {
    const known = this.#loaded.get(nid);
    if (known) return known;
    const { rows } = await sql<ChainRow>`
      WITH RECURSIVE chain AS (
        SELECT * FROM state_snapshots WHERE snapshot_nid = ${nid}
        UNION ALL
        SELECT s.* FROM chain c JOIN state_snapshots s ON s.snapshot_nid = c.parent_nid
      ) SELECT * FROM chain`.execute(this.#db.sql);
    const snapshot = assemble(rows);
    if (snapshot) this.#loaded.set(nid, snapshot);
    return snapshot;
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
}

/** Deletes a room's snapshots that no event, and no snapshot an event needs, is told from. Nothing may be in flight. */
export const collectSnapshots = async (tx: Tx, roomNid: number): Promise<number> => {
  const { numAffectedRows } = await sql`
    WITH RECURSIVE needed AS (
      SELECT snapshot_nid, parent_nid FROM state_snapshots WHERE snapshot_nid IN (
        SELECT snapshot_nid FROM events WHERE room_nid = ${roomNid}
        UNION SELECT snapshot_nid FROM rooms WHERE room_nid = ${roomNid}
      )
      UNION
      SELECT s.snapshot_nid, s.parent_nid FROM needed n
      JOIN state_snapshots s ON s.snapshot_nid = n.parent_nid
    )
    DELETE FROM state_snapshots s WHERE room_nid = ${roomNid}
      AND NOT EXISTS (SELECT FROM needed n WHERE n.snapshot_nid = s.snapshot_nid)`.execute(tx.sql);
  return Number(numAffectedRows ?? 0);
};
