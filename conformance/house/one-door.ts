import type { Source } from './parse-source.ts';
import type { Violation } from './violation.ts';

/** Where a dependency may be imported, as the beginning of a path; one that is not named here has no fixed door. */
const doorsOfDependencies: Readonly<Record<string, readonly string[]>> = {
  koa: ['server/http/'],
  'find-my-way': ['server/http/'],
  kysely: ['server/storage/'],
  pg: ['server/storage/'],
  pino: ['server/log.ts'],
  argon2: ['server/accounts/password.ts'],
  otplib: ['server/accounts/second-factor.ts'],
  '@signalapp/libsignal-client': ['client-sdk/signal/'],
  '@signalapp/sqlcipher': ['client-sdk/stores/'],
  ws: ['server/websocket/', 'client-sdk/api/socket.ts'],
  undici: ['federation/transport/'],
  'ipaddr.js': ['federation/transport/'],
  sharp: ['server/media/'],
};

/** Law 3: one door per dependency. Tests and `testing/` folders may look at a dependency directly. */
export const oneDoor = (sources: readonly Source[]): Violation[] =>
  sources
    .filter(({ path }) => !path.endsWith('.test.ts') && !path.includes('/testing/'))
    .flatMap(({ path, imports }) =>
      imports.flatMap(({ specifier, line }) => {
        const name = packageName(specifier);
        const doors = Object.hasOwn(doorsOfDependencies, name)
          ? doorsOfDependencies[name]
          : undefined;
        if (!doors || doors.some((door) => path.startsWith(door))) return [];
        const text = `'${name}' is imported only in ${doors.join(' and ')}: ask for what you need there`;
        return [{ path, line, law: 3, text }];
      }),
    );

const packageName = (specifier: string) =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
