import { CompiledQuery, type Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { initial } from './migrations/0001-initial.ts';
import { mediaPushersReports } from './migrations/0002-media-pushers-reports.ts';
import { relationsByType } from './migrations/0003-relations-by-type.ts';
import { keyBackups } from './migrations/0004-key-backups.ts';
import { knockedThrough } from './migrations/0005-knocked-through.ts';
import { relationSenders } from './migrations/0006-relation-senders.ts';
import { keyBackupBytes } from './migrations/0007-key-backup-bytes.ts';
import { timelineGaps } from './migrations/0008-timeline-gaps.ts';
import { statePositions } from './migrations/0009-state-positions.ts';
import { stagedPdus } from './migrations/0010-staged-pdus.ts';
import type { Tables } from './tables.ts';

const fromText = (text: string): Migration => ({
  up: async (sql: Kysely<unknown>) => {
    await sql.executeQuery(CompiledQuery.raw(text));
  },
});

/** Numbered, run in order, never edited after they have landed. */
const migrations: Record<string, Migration> = {
  '0001-initial': fromText(initial),
  '0002-media-pushers-reports': fromText(mediaPushersReports),
  '0003-relations-by-type': fromText(relationsByType),
  '0004-key-backups': fromText(keyBackups),
  '0005-knocked-through': fromText(knockedThrough),
  '0006-relation-senders': fromText(relationSenders),
  '0007-key-backup-bytes': fromText(keyBackupBytes),
  '0008-timeline-gaps': fromText(timelineGaps),
  '0009-state-positions': fromText(statePositions),
  '0010-staged-pdus': fromText(stagedPdus),
};

/** Brings the schema up to date; several processes may start at once. Throws when a migration fails or is unknown. */
export const migrate = async (sql: Kysely<Tables>): Promise<void> => {
  const migrator = new Migrator({
    db: sql,
    provider: { getMigrations: async () => migrations },
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
};
