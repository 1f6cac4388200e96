import type { Violation } from './violation.ts';

/** The part of `package-lock.json` that is read here. */
type LockedPackage = {
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
export type Lockfile = { readonly packages: Readonly<Record<string, LockedPackage>> };

/** Licences that may be combined with AGPL-3.0-only. */
const compatible = new Set([
  ...[
    'MIT',
    'MIT-0',
    'ISC',
    '0BSD',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'Apache-2.0',
    'BlueOak-1.0.0',
    'Unlicense',
  ],
  ...[
    'CC0-1.0',
    'Python-2.0',
    'MPL-2.0',
    'LGPL-3.0-or-later',
    'GPL-3.0-only',
    'GPL-3.0-or-later',
    'AGPL-3.0-only',
  ],
  'AGPL-3.0-or-later',
]);
const withoutLibsignal = ['spec', 'federation', 'server'];
const workspaces = [...withoutLibsignal, 'client-sdk', 'conformance'];

/**
 * What every workspace brings with it in production: only licences that go with ours, and nothing of libsignal where
 * plain Matrix is spoken. Also the lock itself: npm sometimes leaves the packages of other platforms out.
 */
export const licences = (lock: Lockfile): Violation[] => {
  const fault = (text: string) => ({ path: 'package-lock.json', line: 1, law: 3, text });
  const violations = absentFromLock(lock).map(fault);
  const seen = new Set<string>();
  for (const workspace of workspaces) {
    const reached = productionPackages(lock, workspace);
    for (const [key, via] of reached) {
      const name = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
      if (withoutLibsignal.includes(workspace) && name.startsWith('@signalapp/')) {
        violations.push(
          fault(`${workspace} depends on ${name} (by ${via}): only the client SDK may`),
        );
      }
      const licence = lock.packages[key]?.license ?? 'unknown';
      if (seen.has(key) || isCompatible(licence)) continue;
      seen.add(key);
      violations.push(
        fault(
          `${name} (needed by ${via}) has the licence '${licence}', which is not on the list of licences.ts`,
        ),
      );
    }
  }
  return violations;
};

/** `MIT OR CC0-1.0` needs one good licence, `Apache-2.0 AND MIT` needs all. */
const isCompatible = (expression: string) =>
  expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((licence) => compatible.has(licence.trim())));

/** Keys of the lock that a workspace needs in production, each with the key of the package that asks for it. */
const productionPackages = (lock: Lockfile, workspace: string): Map<string, string> => {
  const reached = new Map<string, string>();
  const follow = (from: string) => {
    const entry = lock.packages[from];
    for (const name of Object.keys({ ...entry?.dependencies, ...entry?.optionalDependencies })) {
      const key = name.startsWith('@candor/')
        ? name.slice('@candor/'.length)
        : resolveInLock(lock, from, name);
      if (!key || reached.has(key)) continue;
      reached.set(key, from);
      follow(key);
    }
  };
  follow(workspace);
  for (const own of workspaces) reached.delete(own);
  return reached;
};

const resolveInLock = (lock: Lockfile, from: string, name: string): string | undefined => {
  for (
    let folder = from;
    ;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))
  ) {
    const key = `${folder ? `${folder}/` : ''}node_modules/${name}`;
    if (lock.packages[key]) return key;
    if (!folder) return undefined;
    if (!folder.includes('/node_modules/')) {
      const top = `node_modules/${name}`;
      return lock.packages[top] ? top : undefined;
    }
  }
};

const absentFromLock = (lock: Lockfile): string[] =>
  Object.entries(lock.packages).flatMap(([key, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !resolveInLock(lock, key, name))
      .map((name) => `${name}, optional for ${key}, is not in the lock: 'npm ci' refuses it`),
  );
