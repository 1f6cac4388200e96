import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type SigningKey, signingKeyFromSeed } from '@candor/federation';
import { loadOldSigningKeys, oldKeysFile } from './old-signing-keys.ts';
import { OperatorError } from './operator-error.ts';

const seedBytes = 32;
const versionLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const makeLine = (): string => {
  const letters = Array.from(
    randomBytes(4),
    (byte) => versionLetters[byte % versionLetters.length],
  );
  const seed = randomBytes(seedBytes).toString('base64').replace(/=+$/, '');
  return `ed25519 a_${letters.join('')} ${seed}\n`;
};

/** Written whole and synced, or not at all: with a lost key the server could no longer speak for its rooms. */
const makeFile = async (file: string, text: string): Promise<void> => {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const keyFile = (dataDir: string): string => join(dataDir, 'keys', 'signing.key');

/** In the place of what is there, at once. */
const replaceFile = async (file: string, text: string): Promise<void> => {
  const next = `${file}.new`;
  await rm(next, { force: true });
  await makeFile(next, text);
  await rename(next, file);
  const folder = await open(dirname(file), 'r');
  await folder.sync();
  await folder.close();
};

/**
 * The server's Ed25519 signing key from `keys/signing.key` in the data directory, made when there is none.
 * One line, `ed25519 VERSION SEED` with the 32-byte seed in unpadded Base64, as Synapse writes it.
 */
export const loadSigningKey = async (dataDir: string): Promise<SigningKey> => {
  const folder = join(dataDir, 'keys');
  const file = keyFile(dataDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) await makeFile(file, makeLine());
  else if ((found.mode & 0o007) !== 0)
    throw new OperatorError(
      `${file} can be read by every user of this machine; mend it with: chmod 600 ${file}`,
    );
  const [, version, seed] =
    /^ed25519 ([A-Za-z0-9_]+) ([A-Za-z0-9+/]{43})=?\s*$/.exec(await readFile(file, 'utf8')) ?? [];
  if (version === undefined || seed === undefined)
    throw new OperatorError(`${file} does not hold one line of the form: ed25519 VERSION SEED`);
  return signingKeyFromSeed(version, Buffer.from(seed, 'base64'));
};

/**
 * Puts a new signing key in the place of the one that is there, whose public part is kept as expired `now`
 * (milliseconds since the epoch); its private part is gone. No server may run: it would go on signing with the old one.
 */
// https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
export const rotateSigningKey = async (
  dataDir: string,
  now: number,
): Promise<{ readonly from: SigningKey; readonly to: SigningKey }> => {
  const from = await loadSigningKey(dataDir);
  // A rotation that was cut short has noted this key already.
  const older = (await loadOldSigningKeys(dataDir)).filter(({ keyId }) => keyId !== from.keyId);
  const lines = [...older, { ...from, expiredTs: now }].map(
    ({ keyId, publicKey, expiredTs }) => `${keyId.replace(':', ' ')} ${publicKey} ${expiredTs}\n`,
  );
  await replaceFile(oldKeysFile(dataDir), lines.join(''));
  await replaceFile(keyFile(dataDir), makeLine());
  return { from, to: await loadSigningKey(dataDir) };
};
