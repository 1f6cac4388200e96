import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MatrixError } from '@candor/spec';
import { DiskFull, type FreeSpace } from '../storage/free-space.ts';

export type StoredBlob = {
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly sha256: Buffer;
};

const namePattern = /^[0-9a-f]{32}$/;

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code));

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Counts and hashes what passes through. */
const measure = () => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { meter, read: () => ({ sizeBytes, sha256: hash.digest() }) };
};

/**
 * Contents on disk under random names, nothing of which comes from outside. Small pictures made of a content lie
 * beside it and go with it.
 */
export class Blobs {
  readonly #folder: string;
  readonly #randomBytes: (size: number) => Buffer;
  readonly #space: Pick<FreeSpace, 'isShort'>;
  readonly #underWay = new Map<string, Promise<unknown>>();

  /** `folder` must exist, with `incoming` inside; `openBlobs` sees to it. */
  constructor(
    folder: string,
    randomBytes: (size: number) => Buffer,
    space: Pick<FreeSpace, 'isShort'>,
  ) {
    this.#folder = folder;
    this.#randomBytes = randomBytes;
    this.#space = space;
  }

  /** Stores a content that may break off; it is on disk when this resolves. Throws DiskFull. */
  async write(content: Readable): Promise<StoredBlob> {
    if (this.#space.isShort) throw new DiskFull();
    const fileName = this.#randomBytes(16).toString('hex');
    const incoming = join(this.#folder, 'incoming', fileName);
    const { meter, read } = measure();
    try {
      await pipeline(
        content,
        meter,
        createWriteStream(incoming, { flags: 'wx', mode: 0o600, flush: true }),
      );
      const path = this.path(fileName);
      await mkdir(dirname(path), { recursive: true });
      await rename(incoming, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await rm(incoming, { force: true });
      throw isFull(error) ? new DiskFull(error) : error;
    }
    return { fileName, ...read() };
  }

  /** Where a content is; with a `variant` such as `96x96-crop` where that picture of it is, or would be. */
  path(fileName: string, variant?: string): string {
    if (!namePattern.test(fileName)) throw new Error('not the name of a blob');
    const name = variant === undefined ? fileName : `${fileName}-${variant}`;
    return join(this.#folder, fileName.slice(0, 2), name);
  }

  /** Puts a small thing beside a content, in place at once or not at all. Throws DiskFull. */
  async writeVariant(fileName: string, variant: string, bytes: Buffer): Promise<void> {
    const incoming = join(this.#folder, 'incoming', this.#randomBytes(16).toString('hex'));
    try {
      await writeFile(incoming, bytes, { flag: 'wx', mode: 0o600 });
      await rename(incoming, this.path(fileName, variant));
    } catch (error) {
      await rm(incoming, { force: true });
      throw isFull(error) ? new DiskFull(error) : error;
    }
  }

  /** Whether there is something at a path. */
  async has(path: string): Promise<boolean> {
    return stat(path).then(
      () => true,
      () => false,
    );
  }

  /** A stream of what is at a path, which closes its file at its end, and the bytes there are. Throws M_NOT_FOUND. */
  async open(path: string): Promise<{ readonly body: Readable; readonly length: number }> {
    const handle = await open(path, 'r').catch((cause: unknown) => {
      throw new MatrixError('M_NOT_FOUND', 'the file is not there any more', { cause });
    });
    const { size: length } = await handle.stat();
    return { body: handle.createReadStream(), length };
  }

  async remove(fileName: string): Promise<void> {
    const folder = dirname(this.path(fileName));
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      if (name.startsWith(fileName)) await rm(join(folder, name), { force: true });
    }
  }

  /** Runs `work` once for all who ask for the same at the same time. */
  async once<T>(key: string, work: () => Promise<T>): Promise<T> {
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay as Promise<T>;
    const running = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, running);
    return running;
  }
}

/** Opens the content store in a folder, and clears away what was half written when the process ended. */
export const openBlobs = async (
  folder: string,
  randomBytes: (size: number) => Buffer,
  space: Pick<FreeSpace, 'isShort'>,
): Promise<Blobs> => {
  const incoming = join(folder, 'incoming');
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  return new Blobs(folder, randomBytes, space);
};
