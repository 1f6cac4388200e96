import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { readConfig } from '../../config/read-config.ts';
import { createLog } from '../../log.ts';
import { type Certificates, openCertificates } from '../open-certificates.ts';
import { createHeldClock } from './held-clock.ts';
import { startScriptedAuthority } from './scripted-authority.ts';

/** An authority, and what a server with it for its certificates goes on; `open` starts that part of a server. */
export const setUpAcme = async (t: Test) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'candor-acme-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  const authority = await startScriptedAuthority(t);
  await writeFile(join(dataDir, 'ca.pem'), authority.authority.cert);
  const clock = createHeldClock(Date.now());
  const lines: string[] = [];
  const log = createLog({ level: 'trace', destination: { write: (line) => lines.push(line) } });
  const open = async (env: Record<string, string> = {}): Promise<Certificates> => {
    const settings = readConfig({
      env: {
        CANDOR_SERVER_NAME: 'chat.example',
        CANDOR_DATA_DIR: dataDir,
        CANDOR_TLS_ACME_DIRECTORY: authority.url,
        CANDOR_TLS_ACME_AGREE_TO_TERMS: 'true',
        CANDOR_TLS_ACME_HOSTS: 'www.chat.example',
        CANDOR_TLS_ACME_CA: join(dataDir, 'ca.pem'),
        ...env,
      },
    });
    if (!settings.ok) throw new Error(settings.faults.join('\n'));
    const { now, wait } = clock;
    const random = () => 0;
    const certificates = await openCertificates({
      config: settings.config,
      log,
      now,
      wait,
      random,
    });
    t.teardown(() => certificates.stop());
    return certificates;
  };
  return {
    dataDir,
    authority,
    clock,
    lines,
    open,
    file: (name: string) => join(dataDir, 'tls', name),
  };
};
