import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateAuthority, freePort, makeAuthority } from '@candor/federation/testing';
import { type Teardown, testDatabase } from './test-database.ts';

export type TestServerOptions = {
  /** Environment variables over those of the tests: `{ CANDOR_REGISTRATION: 'token' }`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly authority?: CertificateAuthority;
};

let ownAuthority: CertificateAuthority | undefined;

/** A fresh data directory, database, certificate and free ports, and the environment variables that name them. */
export const prepareServer = async (t: Teardown, options: TestServerOptions) => {
  ownAuthority ??= makeAuthority();
  const authority = options.authority ?? ownAuthority;
  const dataDir = await mkdtemp(join(tmpdir(), 'candor-server-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const database = await testDatabase(t);
  const [clientPort, federationPort] = [await freePort(), await freePort()];
  const { cert, key } = authority.issue(['localhost', '127.0.0.1']);
  const file = (name: string) => join(dataDir, name);
  await writeFile(file('cert.pem'), cert);
  await writeFile(file('key.pem'), key, { mode: 0o600 });
  await writeFile(file('authority.pem'), authority.cert);
  return {
    authority,
    databaseUrl: database.url,
    env: {
      CANDOR_SERVER_NAME: `localhost:${federationPort}`,
      CANDOR_DATA_DIR: dataDir,
      CANDOR_DATABASE_URL: database.url,
      CANDOR_CLIENT_LISTEN: `127.0.0.1:${clientPort}`,
      CANDOR_FEDERATION_LISTEN: `127.0.0.1:${federationPort}`,
      CANDOR_TLS_CERT: file('cert.pem'),
      CANDOR_TLS_KEY: file('key.pem'),
      CANDOR_FEDERATION_CA: file('authority.pem'),
      CANDOR_FEDERATION_ALLOW_PRIVATE: 'true',
      CANDOR_REGISTRATION: 'open',
      CANDOR_RATE_LIMITS: 'off',
      ...options.env,
    } as Readonly<Record<string, string>>,
  };
};
