import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { publicKeyFromBase64 } from '@candor/federation';
import { OperatorError } from './operator-error.ts';

/** A key of this server that signs nothing any more; what it signed until then stays good. */
export type OldSigningKey = {
  readonly keyId: string;
  /** Unpadded base64. */
  readonly publicKey: string;
  /** Milliseconds since the epoch. */
  readonly expiredTs: number;
};

/** One line for each key: `ed25519 VERSION PUBLIC EXPIRED`. */
export const oldKeysFile = (dataDir: string): string => join(dataDir, 'keys', 'old.keys');

const readLine = (line: string): OldSigningKey | undefined => {
  const [, version, publicKey, expired] =
    /^ed25519 ([A-Za-z0-9_]+) ([A-Za-z0-9+/]{43}) (\d{1,15})$/.exec(line) ?? [];
  if (version === undefined || publicKey === undefined || !publicKeyFromBase64(publicKey))
    return undefined;
  return { keyId: `ed25519:${version}`, publicKey, expiredTs: Number(expired) };
};

/** The keys that this server signed with before; throws an OperatorError for a file that was damaged. */
export const loadOldSigningKeys = async (dataDir: string): Promise<readonly OldSigningKey[]> => {
  const file = oldKeysFile(dataDir);
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw new OperatorError(`${file} cannot be read (${cause.code})`, { cause });
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const key = readLine(line);
      if (!key)
        throw new OperatorError(`${file}: no line of the form ed25519 VERSION PUBLIC EXPIRED`);
      return key;
    });
};
