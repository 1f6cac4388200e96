import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Config } from '../config/read-config.ts';
import { createLog } from '../log.ts';
import { startServer } from '../server.ts';

/** Resolves with the first signal to stop; a second one ends the process at once. */
const stopSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    let isStopping = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        if (isStopping) process.exit(1);
        isStopping = true;
        resolve(signal);
      });
  });

/** Gives back what the start took: without it an idle server holds some 40 MB of parsed sources and grown heap. */
const releaseStartMemory = (): void => {
  setFlagsFromString('--expose-gc');
  const collect: (options: { type: string; flavor: string }) => void = runInNewContext('gc');
  collect({ type: 'major', flavor: 'last-resort' });
};

/** Runs the server until it is told to stop, then drains it. */
export const serve = async (config: Config): Promise<never> => {
  const log = createLog({ level: config.log.level });
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'a fault that nothing caught');
    process.exit(1);
  });
  const signalled = stopSignal();
  const server = await startServer(config, log);
  // Without a certificate of the operator's, a closed terminal still ends what was started in it.
  const { cert, acme } = config.tls;
  if (cert ?? acme) process.on('SIGHUP', () => server.reload());
  // For people, beside the log on standard output; the token is a secret and stays out of the log.
  const say = (text: string) => process.stderr.write(`${text}\n`);
  say(`Candor serves ${config.serverName}.`);
  const { behindProxy, isTls, publicUrl } = config.client;
  say(`  clients     ${behindProxy || isTls ? publicUrl : server.urls.client}`);
  say(`  federation  ${server.urls.federation}`);
  if (server.firstAdminToken !== undefined)
    say(
      `The first account becomes the administrator: register in a Matrix client with the token ${server.firstAdminToken}`,
    );
  releaseStartMemory();
  const signal = await signalled;
  log.info({ signal }, 'draining');
  await server.stop();
  log.info('stopped');
  // A connection that was still being opened to a peer would hold the process until its time is up.
  process.exit(0);
};
