import type { KeyStore, StoredKeys } from '@candor/federation/transport';
import type { Db } from './database.ts';
import { readJson } from './spoiled-rows.ts';

/** Other servers' public keys, one row a server. */
export const createKeyStore = ({ sql }: Db): KeyStore => ({
  load: async (serverName) => {
    const row = await sql
      .selectFrom('server_keys')
      .select('keys')
      .where('server_name', '=', serverName)
      .executeTakeFirst();
    if (!row) return undefined;
    const keys = readJson(row.keys, { table: 'server_keys', row: serverName });
    return keys as StoredKeys | undefined;
  },
  save: async (keys) => {
    const text = JSON.stringify(keys);
    await sql
      .insertInto('server_keys')
      .values({ server_name: keys.serverName, keys: text })
      .onConflict((conflict) => conflict.column('server_name').doUpdateSet({ keys: text }))
      .execute();
  },
});
