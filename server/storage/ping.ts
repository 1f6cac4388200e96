import { sql as raw } from 'kysely';
import type { Db } from './database.ts';

/** Rejects when the database does not answer. */
export const pingDatabase = async ({ sql }: Db): Promise<void> => {
  await raw`SELECT 1`.execute(sql);
};
