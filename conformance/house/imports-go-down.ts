import { posix } from 'node:path';
import type { Import, Source } from './parse-source.ts';
import type { Violation } from './violation.ts';

/** Doors of our own packages that each part of the tree may use. */
const doors: Readonly<Record<string, readonly string[]>> = {
  spec: [],
  federation: ['@candor/spec'],
  'federation/transport': ['@candor/spec', '@candor/federation'],
  server: ['@candor/spec', '@candor/federation', '@candor/federation/transport'],
  'client-sdk': ['@candor/spec', '@candor/federation'],
  // The transport lets a check speak as another homeserver.
  conformance: [
    '@candor/spec',
    '@candor/federation',
    '@candor/federation/transport',
    '@candor/client-sdk',
  ],
};

/** Certificates for servers on loopback, private keys of a store: for tests, and for conformance, which starts and searches. */
const testingDoors = ['@candor/federation/testing', '@candor/client-sdk/testing'];
const opensTestingDoors = /^conformance\/|\/testing\/|\.test\.ts$/;

/** What lies at the top of `server/`, by height: a folder or file imports only from lower rows and from itself; types also from its own row. */
const serverLevels: readonly (readonly string[])[] = [
  ['json-bytes.ts', 'pace.ts', 'recently-used.ts'],
  ['log.ts', 'metrics.ts', 'token-buckets.ts'],
  ['config'],
  ['storage', 'notifier.ts', 'certificates'],
  ['context.ts'],
  ['devices', 'media', 'presence', 'push'],
  ['rooms'],
  ['accounts', 'sync', 'peers'],
  ['admin', 'webhooks'],
  ['http', 'websocket', 'pages'],
  ['start-federation.ts'],
  ['server.ts'],
  ['commands'],
  ['main.ts', 'bin', 'write-openapi.ts'],
  ['testing', 'bench'],
];

/** Law 2: imports go down only, and from package to package only through a door. */
export const importsGoDown = (sources: readonly Source[]): Violation[] =>
  sources.flatMap((source) =>
    source.imports.flatMap((one) => {
      const text = one.specifier.startsWith('.')
        ? relativeFault(source.path, one)
        : doorFault(source.path, one);
      return text ? [{ path: source.path, line: one.line, law: 2, text }] : [];
    }),
  );

const partOf = (path: string) =>
  path.startsWith('federation/transport/') ? 'federation/transport' : (path.split('/')[0] ?? '');

const doorFault = (path: string, { specifier }: Import) => {
  if (!specifier.startsWith('@candor/')) return undefined;
  const allowed = doors[partOf(path)] ?? [];
  if (allowed.includes(specifier)) return undefined;
  if (testingDoors.includes(specifier) && opensTestingDoors.test(path)) return undefined;
  return `${partOf(path)} may not import '${specifier}' (allowed: ${allowed.join(', ') || 'nothing of ours'})`;
};

const relativeFault = (path: string, one: Import) => {
  const target = posix.join(posix.dirname(path), one.specifier);
  const [from, to] = [partOf(path), partOf(target)];
  if (path.split('/')[0] !== target.split('/')[0])
    return `'${one.specifier}' leaves the package: import its door instead`;
  if (from === 'federation' && to === 'federation/transport')
    return 'the pure part of federation may not import transport';
  if (from !== 'server' || path.endsWith('.test.ts')) return undefined;
  // The context is a type that names the parts it hands on, whatever their height.
  if (path === 'server/context.ts' && one.typeOnly) return undefined;
  return levelFault(path.split('/')[1] ?? '', target.split('/')[1] ?? '', one.typeOnly);
};

const levelFault = (from: string, to: string, typeOnly: boolean) => {
  if (from === to) return undefined;
  const [fromLevel, toLevel] = [levelOf(from), levelOf(to)];
  const unplaced = fromLevel < 0 ? from : toLevel < 0 ? to : undefined;
  if (unplaced)
    return `server/${unplaced} has no height: add it to serverLevels in conformance/house/imports-go-down.ts`;
  if (toLevel < fromLevel || (typeOnly && toLevel === fromLevel)) return undefined;
  if (fromLevel === serverLevels.length - 1) return undefined;
  return `server/${to} does not lie below server/${from}: move the rule down or hand it in`;
};

const levelOf = (name: string) => serverLevels.findIndex((row) => row.includes(name));
