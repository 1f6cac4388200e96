import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startTestCluster } from './test-database.ts';

// node server/testing/run-with-postgres.ts COMMAND [ARGUMENT …]: runs the command with
// CANDOR_TEST_DATABASE_URL naming one embedded cluster for all of it, unless it is set already. A test file that says
// nothing else may take five minutes: a slow or busy machine is no failure.

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  process.stderr.write('usage: run-with-postgres.ts COMMAND [ARGUMENT …]\n');
  process.exit(2);
}

const given = process.env['CANDOR_TEST_DATABASE_URL'];
const cluster = given === undefined ? await startTestCluster() : undefined;
const child = spawn(command, args, {
  stdio: 'inherit',
  env: { TAP_TIMEOUT: '300', ...process.env, CANDOR_TEST_DATABASE_URL: given ?? cluster?.url },
});
for (const signal of signals) process.on(signal, () => child.kill(signal));
try {
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} catch (error) {
  process.stderr.write(`${command} could not be run: ${error}\n`);
  process.exitCode = 127;
}
await cluster?.stop();
