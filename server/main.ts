import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { AdminFlags } from './commands/read-admin-request.ts';
import { nearestName } from './config/nearest-name.ts';
import { OperatorError } from './config/operator-error.ts';
import { type Config, readConfig } from './config/read-config.ts';

const usage = `candor: a Matrix homeserver

usage: candor COMMAND [--config FILE]

commands
  serve     start the server; SIGTERM or Ctrl-C drains and stops it
  init      write a commented candor.yaml, make the data directory and the signing key
              --server-name NAME   the part behind the colon of every user id
              --data-dir FOLDER    where everything is kept (./data)
  doctor    check the settings, the data directory, the database, the ports, the certificate
  health    ask the running server whether it can serve; for health checks of containers
  export    write everything in the database to a file, also while the server runs
              --out FILE           JSON lines; a folder gets a file database.ndjson
  admin     manage accounts, also while the server runs
              create-user NAME [--admin]     prints a password to be changed at the first login
              reset-password USER            the same for a user; ends all their sessions
              list-users
              deactivate USER                for good
              registration-token create [--uses N] [--days N]
              registration-token list
              registration-token revoke TOKEN
  keys      keys rotate: a new signing key from the next start on; the server must not run
  backup    copy the database, keys, media and certificates, also while the server runs
              --out DIR            a new folder
  restore   put a backup into an empty data directory
              --from DIR           what backup made
  version   print the version, as --version and -v do

--config FILE   the settings (YAML); without it candor.yaml in the working directory, if there is one
--help          this text

exit status: 0 done, 1 failed, 2 wrong usage
`;

class UsageError extends Error {}

type Flags = {
  readonly config: string | undefined;
  readonly serverName: string | undefined;
  readonly dataDir: string | undefined;
  readonly out: string | undefined;
  readonly from: string | undefined;
  readonly admin: AdminFlags;
};

const settingsFile = (flags: Flags): string | undefined =>
  flags.config ?? (existsSync('candor.yaml') ? 'candor.yaml' : undefined);

const settings = (flags: Flags): Config => {
  const result = readConfig({ file: settingsFile(flags), env: process.env });
  if (result.ok) return result.config;
  throw new OperatorError(`the settings do not allow a start:\n  ${result.faults.join('\n  ')}`);
};

/** Each command answers its exit status; its code is loaded only when it is asked for. */
const commands: Readonly<
  Record<string, (flags: Flags, words: readonly string[]) => Promise<number>>
> = {
  serve: async (flags) => (await import('./commands/serve.ts')).serve(settings(flags)),
  init: async (flags) => (await import('./commands/init.ts')).init(flags),
  doctor: async (flags) =>
    (await import('./commands/doctor.ts')).doctor({ file: settingsFile(flags), env: process.env }),
  health: async (flags) => (await import('./commands/health.ts')).health(settings(flags)),
  export: async (flags) => {
    if (flags.out === undefined) throw new UsageError('--out FILE is missing');
    return (await import('./commands/export.ts')).exportAll(settings(flags), flags.out);
  },
  backup: async (flags) => {
    if (flags.out === undefined) throw new UsageError('--out DIR is missing');
    return (await import('./commands/backup.ts')).backup(settings(flags), flags.out);
  },
  restore: async (flags) => {
    if (flags.from === undefined) throw new UsageError('--from DIR is missing');
    return (await import('./commands/restore.ts')).restore(settings(flags), flags.from);
  },
  admin: async (flags, words) => {
    const { readAdminRequest } = await import('./commands/read-admin-request.ts');
    const request = readAdminRequest(words, flags.admin, Date.now());
    if (typeof request === 'string') throw new UsageError(request);
    return (await import('./commands/admin.ts')).admin(settings(flags), request);
  },
  keys: async (flags, [action, ...more]) => {
    if (action !== 'rotate' || more.length > 0) throw new UsageError('keys: only rotate');
    return (await import('./commands/rotate-keys.ts')).rotateKeys(settings(flags));
  },
  version: async () => (await import('./commands/version.ts')).version(),
};

const readFlags = (args: readonly string[]) => {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        'server-name': { type: 'string' },
        'data-dir': { type: 'string' },
        out: { type: 'string' },
        from: { type: 'string' },
        admin: { type: 'boolean' },
        uses: { type: 'string' },
        days: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
    const flags = {
      config: values.config,
      serverName: values['server-name'],
      dataDir: values['data-dir'],
      out: values.out,
      from: values.from,
      admin: { admin: values.admin ?? false, uses: values.uses, days: values.days },
    };
    const { help = false, version = false } = values;
    return { flags, positionals: version ? ['version'] : positionals, help };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

const run = async (args: readonly string[]): Promise<number> => {
  const { flags, positionals, help } = readFlags(args);
  if (help) {
    process.stdout.write(usage);
    return 0;
  }
  const [name, ...rest] = positionals;
  if (name === undefined) throw new UsageError('a command is missing');
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const nearest = nearestName(name, Object.keys(commands));
    throw new UsageError(`unknown command '${name}'; the nearest is '${nearest}'`);
  }
  if (rest.length > 0 && name !== 'admin' && name !== 'keys')
    throw new UsageError(`unexpected argument '${rest[0]}'`);
  if (name !== 'init' && (flags.serverName ?? flags.dataDir) !== undefined)
    throw new UsageError('--server-name and --data-dir go with init only');
  if (name !== 'export' && name !== 'backup' && flags.out !== undefined)
    throw new UsageError('--out goes with export and backup only');
  if (name !== 'restore' && flags.from !== undefined)
    throw new UsageError('--from goes with restore only');
  const { admin, uses, days } = flags.admin;
  if (name !== 'admin' && (admin || (uses ?? days) !== undefined))
    throw new UsageError('--admin, --uses and --days go with admin only');
  return command(flags, rest);
};

const explain = (error: unknown): string => {
  if (error instanceof OperatorError || error instanceof UsageError) return error.message;
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error)
    return `port ${error.port} is taken by another program; candor doctor says more`;
  if ('code' in error && error.code === 'EADDRNOTAVAIL' && 'address' in error)
    return `this machine has no address ${error.address}; client.listen and federation.listen name addresses of its own`;
  if ('code' in error && error.code === 'EACCES' && 'port' in error)
    return `this user may not open port ${error.port}; give the right to (CAP_NET_BIND_SERVICE), or set another port and forward to it`;
  return error.stack ?? error.message;
};

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`candor: ${explain(error)}\n${isUsage ? `\n${usage}` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
