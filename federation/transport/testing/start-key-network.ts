import type { RequestListener } from 'node:http';
import type { Test } from 'tap';
import { type SigningKey, signingKeyFromSeed } from '../../keys/signing-key.ts';
import { ownKeyDocument } from '../key-answers.ts';
import type { StoredKeys } from '../key-documents.ts';
import { createKeyRing, type KeyRing, type KeyRingOptions } from '../key-ring.ts';
import { createPeerClient } from '../peer-client.ts';
import { makeAuthority } from './certificate-authority.ts';
import { startTlsPeer } from './start-tls-peer.ts';

const names = ['us', 'one', 'two', 'notary', 'notary2'].map((name) => `${name}.test`);
const authority = makeAuthority();
const certificate = authority.issue(names);

/** A key that depends on its text alone. */
export const testKey = (version: string): SigningKey =>
  signingKeyFromSeed(version, Buffer.alloc(32, version));

/** Servers one.test, two.test, notary.test and notary2.test behind one TLS listener; us.test asks. */
export const startKeyNetwork = async (test: Test, start: number) => {
  const clock = { now: start };
  const hosts = new Map<string, RequestListener>();
  const peer = await startTlsPeer(certificate, (request, response) => {
    const answer = hosts.get(request.headers.host ?? '');
    if (answer === undefined) request.socket.destroy();
    else answer(request, response);
  });
  const client = createPeerClient({
    serverName: 'us.test',
    signingKey: () => testKey('us'),
    discover: async (name) => ({
      targets: [{ host: name, port: peer.port }],
      hostHeader: name,
      tlsName: name,
      source: 'default-port',
      delegated: false,
    }),
    ca: authority.cert,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    allowPrivateAddresses: true,
  });
  test.teardown(async () => {
    await client.close();
    await peer.stop();
  });

  const stored = new Map<string, StoredKeys>();
  return {
    clock,
    peer,
    /** Signs as us.test. */
    client,
    stored,
    /** What a host answers, as JSON or by a listener; a host without an answer hangs up. */
    serve: (host: string, answer: object | RequestListener | undefined): void => {
      if (answer === undefined) hosts.delete(host);
      else if (typeof answer === 'function') hosts.set(host, answer as RequestListener);
      else hosts.set(host, (_request, response) => response.end(JSON.stringify(answer)));
    },
    /** A server's own document, valid for a day. */
    document: (serverName: string, key: SigningKey, oldKeys = {}, validMs = 86_400_000) =>
      ownKeyDocument({ serverName, signingKey: key, oldKeys, validUntilTs: clock.now + validMs }),
    makeRing: (options: Partial<KeyRingOptions> = {}): KeyRing =>
      createKeyRing({
        serverName: 'us.test',
        ownKeys: () => [testKey('us')],
        store: {
          load: async (serverName) => structuredClone(stored.get(serverName)),
          save: async (keys) => void stored.set(keys.serverName, structuredClone(keys)),
        },
        client,
        trustedKeyServers: [],
        now: () => clock.now,
        ...options,
      }),
    /** How often a host was asked. */
    asked: (host: string): number => peer.seen.filter((seen) => seen.host === host).length,
  };
};
