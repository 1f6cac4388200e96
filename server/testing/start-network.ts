import { makeAuthority } from '@candor/federation/testing';
import type { TestServerOptions } from './prepare-server.ts';
import { startTestServer, type TestServer } from './start-server.ts';
import type { Teardown } from './test-database.ts';

/** Servers named `localhost:PORT` that trust one certificate authority and reach each other over TLS. */
export const startTestNetwork = async <const N extends number>(
  t: Teardown,
  size: N,
  options: TestServerOptions = {},
): Promise<
  N extends 2
    ? [TestServer, TestServer]
    : N extends 3
      ? [TestServer, TestServer, TestServer]
      : TestServer[]
> => {
  const authority = makeAuthority();
  const start = () => startTestServer(t, { authority, ...options });
  return (await Promise.all(Array.from({ length: size }, start))) as never;
};
