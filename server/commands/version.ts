import { readFileSync } from 'node:fs';

/** Prints the version of the server and of the Node it runs on. */
export const version = (): number => {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const own = manifest !== null && typeof manifest === 'object' && 'version' in manifest;
  process.stdout.write(`candor ${own ? manifest.version : 'unknown'} (Node ${process.version})\n`);
  return 0;
};
