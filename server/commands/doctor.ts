import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { nearestName } from '../config/nearest-name.ts';
import { options } from '../config/options.ts';
import type { Address } from '../config/parse-value.ts';
import { readCaFile } from '../config/read-ca-file.ts';
import { type Config, type ConfigSources, readConfig } from '../config/read-config.ts';
import { loadSigningKey } from '../config/signing-key.ts';
import { createLog } from '../log.ts';
import {
  type DatabaseDescription,
  describeDatabase,
  faultOfDatabase,
} from '../storage/describe-database.ts';
import { startEmbeddedPostgres } from '../storage/embedded-postgres.ts';
import { lockDataDir } from '../storage/lock-data-dir.ts';
import { examineCertificate } from './examine-certificate.ts';
import { examineFreeSpace } from './examine-free-space.ts';
import { type Finding, fault, good, warning } from './finding.ts';

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const exists = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined)) !== undefined;

const checkDataDir = async ({ dataDir }: Config): Promise<readonly Finding[]> => {
  if (!(await exists(dataDir)))
    return [
      good(`data directory: ${dataDir} is made at the first start`),
      ...(await examineFreeSpace(dataDir)),
    ];
  const isWritable = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable)
    return [fault(`data directory: ${dataDir} is not writable for user id ${process.getuid?.()}`)];
  const { mode } = await stat(dataDir);
  return [
    (mode & 0o006) === 0
      ? good(`data directory: ${dataDir}`)
      : warning(
          `data directory: ${dataDir} can be listed by every user; mend it with: chmod o-rw ${dataDir}`,
        ),
    ...(await examineFreeSpace(dataDir)),
  ];
};

const checkSigningKey = async ({ dataDir }: Config): Promise<Finding> => {
  if (!(await exists(join(dataDir, 'keys', 'signing.key'))))
    return good('signing key: is made at the first start');
  return loadSigningKey(dataDir).then(
    ({ keyId }) => good(`signing key: ${keyId}`),
    (error) => fault(`signing key: ${reason(error)}`),
  );
};

const judgeDatabase = (database: DatabaseDescription): Finding => {
  const wrong = faultOfDatabase(database);
  return wrong === undefined
    ? good(`database: PostgreSQL ${database.major} answers`)
    : fault(`database: ${wrong}`);
};

const checkDatabase = async (config: Config): Promise<Finding> => {
  const { url, binDir } = config.database;
  try {
    if (url !== undefined) return judgeDatabase(await describeDatabase({ connectionString: url }));
    if (!(await exists(join(config.dataDir, 'postgresql'))))
      return good('database: the embedded PostgreSQL makes one at the first start');
    const log = createLog({ level: 'silent' });
    const postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, binDir, log });
    try {
      return judgeDatabase(await describeDatabase(postgres.connection));
    } finally {
      await postgres.stop();
    }
  } catch (error) {
    return fault(`database: ${reason(error)}`);
  }
};

const checkPort = (name: string, { host, port }: Address): Promise<Finding> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(fault(`${name}: ${error.message}`)));
    server.listen({ host, port, exclusive: true }, () =>
      server.close(() => resolve(good(`${name}: ${host}:${port} is free`))),
    );
  });

const checkCaFile = async (
  setting: string,
  file: string | undefined,
): Promise<readonly Finding[]> => {
  try {
    await readCaFile(setting, file);
    return file === undefined ? [] : [good(`${setting}: ${file}`)];
  } catch (error) {
    return [fault(reason(error))];
  }
};

/** A server that runs on this data directory holds its ports and its database, so those are not tried. */
const runningServer = async ({ dataDir }: Config): Promise<string | undefined> => {
  if (!(await exists(dataDir))) return undefined;
  try {
    await (await lockDataDir(dataDir)).release();
    return undefined;
  } catch (error) {
    return reason(error);
  }
};

const examine = async (config: Config): Promise<readonly Finding[]> => {
  const running = await runningServer(config);
  const { acme } = config.tls;
  return [
    good(`settings: ${config.serverName}`),
    ...(await checkDataDir(config)),
    await checkSigningKey(config),
    ...(await examineCertificate(config)),
    ...(await checkCaFile('tls.acme.ca_file', acme?.caFile)),
    ...(await checkCaFile('federation.ca_file', config.federation.caFile)),
    ...(running === undefined
      ? [
          await checkDatabase(config),
          await checkPort('client.listen', config.client.listen),
          await checkPort('federation.listen', config.federation.listen),
          ...(acme ? [await checkPort('tls.acme.http_listen', acme.httpListen)] : []),
        ]
      : [warning(`database and ports: not tried, ${running}`)]),
  ];
};

/** Only told: a service of this name in a container network brings variables of its own. */
const examineEnvironment = (env: ConfigSources['env']): readonly Finding[] => {
  const known: readonly string[] = options.map((option) => option.env);
  return Object.keys(env)
    .filter((name) => name.startsWith('CANDOR_') && !known.includes(name))
    .map((name) =>
      warning(`environment: ${name} is no setting; the nearest is ${nearestName(name, known)}`),
    );
};

const signs = { good: ' ok ', warning: 'warn', fault: 'FAIL' } as const;

/** Prints what is well and what is not; 1 when something would stop the start or every write. */
export const doctor = async (sources: ConfigSources): Promise<number> => {
  const result = readConfig(sources);
  const findings = [
    ...examineEnvironment(sources.env),
    ...(result.ok
      ? await examine(result.config)
      : result.faults.map((text) => fault(`settings: ${text}`))),
  ];
  for (const { level, text } of findings) process.stdout.write(`${signs[level]}  ${text}\n`);
  return findings.some(({ level }) => level === 'fault') ? 1 : 0;
};
