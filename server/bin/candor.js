#!/usr/bin/env node
// Plain JavaScript that any Node can read: it finds a Node that can run the server.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const majorNeeded = 24;
const main = new URL('../main.ts', import.meta.url);

const pinnedNode = () => {
  try {
    const root = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    return [join(root, 'bin', 'node'), join(root, 'bin', 'node.exe')].find((path) =>
      existsSync(path),
    );
  } catch {
    return undefined;
  }
};

if (Number(process.versions.node.split('.')[0]) >= majorNeeded) {
  await import(main.href);
} else {
  const node = pinnedNode();
  if (node === undefined) {
    console.error(
      `candor: needs Node ${majorNeeded} or newer, this is ${process.version}; run \`npm ci\`, which brings one, or install Node ${majorNeeded}`,
    );
    process.exit(1);
  }
  // Node's own young generation may take 100 MB; a third of it serves as well.
  const args = ['--max-semi-space-size=16', fileURLToPath(main), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`candor: ${node} could not be run: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code) => process.exit(code ?? 1));
}
