import { createLog } from '../log.ts';
import { startEmbeddedPostgres } from '../storage/embedded-postgres.ts';

// node server/testing/hold-postgres.ts DATA_DIR: a process of its own that keeps the embedded
// PostgreSQL running, prints its process id and its connection, and stops it on SIGTERM.

const [dataDir = ''] = process.argv.slice(2);
const log = createLog({ level: 'warn', destination: process.stderr });
const postgres = await startEmbeddedPostgres({ dataDir, log });
process.once('SIGTERM', () => postgres.stop());
process.stdout.write(`${JSON.stringify({ pid: postgres.pid, connection: postgres.connection })}\n`);
