import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isServerName } from '@candor/spec';
import { allowedText } from '../config/describe-options.ts';
import { hostOf, isLoopbackHost } from '../config/loopback.ts';
import { OperatorError } from '../config/operator-error.ts';
import { type Option, options } from '../config/options.ts';
import { loadSigningKey } from '../config/signing-key.ts';
import { makeDataDir } from '../storage/make-data-dir.ts';

export type InitFlags = {
  readonly config: string | undefined;
  readonly serverName: string | undefined;
  readonly dataDir: string | undefined;
};

const entry = (option: Option, value: string | undefined): string => {
  const sections = option.key.split('.');
  const name = sections.pop();
  const indent = '  '.repeat(sections.length);
  const fallback = option.default === undefined ? option.defaultText : undefined;
  const comments = [
    option.doc,
    `Allowed: ${allowedText(option)}.${fallback === undefined ? '' : ` Default: ${fallback}.`}`,
  ].map((comment) => `${indent}# ${comment.replaceAll('`', '')}`);
  const line =
    value === undefined
      ? `# ${name}: ${option.default ?? ''}`.trimEnd()
      : `${name}: ${JSON.stringify(value)}`;
  return [...comments, `${indent}${line}`].join('\n');
};

/** The settings file: every option with what it means, commented out but for those given here. */
const settingsText = (values: Readonly<Record<string, string>>): string => {
  const parts = new Map<string, string[]>();
  const begun = new Set<string>();
  for (const option of options) {
    const names = option.key.split('.');
    const [part = ''] = names;
    const lines = parts.get(part) ?? [];
    parts.set(part, lines);
    for (let depth = 1; depth < names.length; depth += 1) {
      const section = names.slice(0, depth).join('.');
      if (!begun.has(section)) lines.push(`${'  '.repeat(depth - 1)}${names[depth - 1]}:`);
      begun.add(section);
    }
    lines.push(entry(option, values[option.key]));
  }
  const intro =
    '# Settings of Candor. What is commented out shows the default. The environment goes before this file.\n' +
    '# Relative paths start at the folder of this file.';
  return `${[intro, ...[...parts.values()].map((lines) => lines.join('\n'))].join('\n\n')}\n`;
};

/** Writes the settings file, makes the data directory and the signing key; never writes over a file. */
export const init = async (flags: InitFlags): Promise<number> => {
  const file = resolve(flags.config ?? 'candor.yaml');
  const dataDir = resolve(flags.dataDir ?? 'data');
  const serverName = flags.serverName ?? 'localhost:8448';
  if (!isServerName(serverName))
    throw new OperatorError(`--server-name: '${serverName}' is not a server name`);
  const text = settingsText({ server_name: serverName, data_dir: dataDir });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { flag: 'wx', mode: 0o600 }).catch((cause: NodeJS.ErrnoException) => {
    const reason =
      cause.code === 'EEXIST' ? 'is there already' : `cannot be written: ${cause.code}`;
    throw new OperatorError(`${file} ${reason}`, { cause });
  });
  await makeDataDir(dataDir, 0o700);
  const { keyId } = await loadSigningKey(dataDir);
  const certificate = isLoopbackHost(hostOf(serverName))
    ? ''
    : 'Set tls.cert and tls.key in the settings to the certificate of this name, or let tls.acme get one.\n';
  process.stdout.write(
    `settings        ${file}\ndata directory  ${dataDir}\nsigning key     ${keyId}, in ${dataDir}/keys: keep a copy\n` +
      `${certificate}Next: candor doctor --config ${file}, then candor serve --config ${file}\n`,
  );
  return 0;
};
