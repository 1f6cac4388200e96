import { readFileSync } from 'node:fs';
import type { federation } from '@candor/spec';
import type { Handler } from '../../handler.ts';

const manifest = new URL('../../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };

export const getVersion: Handler<typeof federation.getVersion> = async () => ({
  server: { name: 'Candor', version },
});
