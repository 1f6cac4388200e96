import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAuthority } from '@candor/federation/testing';
import type { Test } from 'tap';

export type PebbleOptions = {
  /** Scratch space. */
  readonly folder: string;
  readonly freePort: () => Promise<number>;
  readonly lifetimeSeconds: number;
  /** Keys by their id, one of which an account has to be bound to. */
  readonly externalKeys?: Readonly<Record<string, string>>;
};

/** Whether Pebble, the test server of Let's Encrypt, is installed (Debian's package `pebble`). */
export const hasPebble = (): boolean => spawnSync('pebble', ['-h']).error === undefined;

/** Runs it until the end of the test; the answer tells whether it does still. */
const run = (t: Test, program: string, args: readonly string[], env = {}): (() => boolean) => {
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'], ...env },
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return () => child.exitCode === null;
};

const getText = (url: string, ca: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = get(url, { ca }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });

/** Pebble on loopback, for which every name is this machine, and each fourth nonce is refused. */
export const startPebble = async (t: Test, options: PebbleOptions) => {
  const { folder, freePort, lifetimeSeconds, externalKeys } = options;
  const own = makeAuthority('for Pebble itself');
  const { cert, key } = own.issue(['localhost', '127.0.0.1']);
  const file = (name: string) => join(folder, name);
  const [port, management, httpPort] = [await freePort(), await freePort(), await freePort()];
  const [dns, names, tlsPort] = [await freePort(), await freePort(), await freePort()];
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: file('pebble.pem'),
    privateKey: file('pebble.key'),
    httpPort,
    tlsPort,
    ocspResponderURL: '',
    certificateValidityPeriod: lifetimeSeconds,
    externalAccountBindingRequired: externalKeys !== undefined,
    externalAccountMACKeys: externalKeys ?? {},
  };
  await writeFile(file('pebble.pem'), cert);
  await writeFile(file('pebble.key'), key);
  await writeFile(file('pebble.json'), JSON.stringify({ pebble }));
  await writeFile(file('ca.pem'), own.cert);
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''];
  const at = ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${names}`];
  run(t, 'pebble-challtestsrv', [...off, ...at]);
  const args = ['-strict', '-config', file('pebble.json'), '-dnsserver', `127.0.0.1:${dns}`];
  const isRunning = run(t, 'pebble', args, {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: '25',
  });
  const roots = () =>
    getText(`https://localhost:${management}/roots/0`, own.cert).catch(() => undefined);
  let root = await roots();
  for (; root === undefined; root = await roots()) {
    if (!isRunning()) throw new Error('pebble ended');
    await sleep(50);
  }
  return {
    /** Where it looks for answers to http-01. */
    httpPort,
    directory: `https://localhost:${port}/dir`,
    caFile: file('ca.pem'),
    /** What its certificates are believed by (PEM). */
    root,
  };
};
