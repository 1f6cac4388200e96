import type { Readable } from 'node:stream';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import {
  fillMedia,
  insertMedia,
  type MediaName,
  readMedia,
  readMediaBytes,
} from '../storage/media.ts';
import { contentTypeOf } from './content-type.ts';

type UploadContext = Pick<Context, 'config' | 'db' | 'blobs' | 'now' | 'randomBytes'>;

export type Upload = {
  readonly userId: string;
  readonly content: Readable;
  readonly contentType: string | undefined;
  readonly fileName: string | undefined;
};

const checkUpload = async ({ db }: UploadContext, { userId, fileName }: Upload): Promise<void> => {
  if (fileName !== undefined && fileName.length > limits.mediaFileNameLengthMax) {
    throw new MatrixError('M_INVALID_PARAM', 'filename: too long');
  }
  if ((await readMediaBytes(db, userId)) > limits.mediaPerUserBytesMax) {
    throw new MatrixError('M_FORBIDDEN', 'this account has uploaded as much as it may');
  }
};

/** Stores the content and hands it to `keep`; it is removed again unless that says it is in use. */
const store = async (
  { blobs }: UploadContext,
  upload: Upload,
  keep: (content: Parameters<typeof fillMedia>[2]) => Promise<boolean>,
): Promise<boolean> => {
  const blob = await blobs.write(upload.content);
  const content = {
    ...blob,
    contentType: contentTypeOf(upload.contentType),
    uploadName: upload.fileName,
  };
  let isKept = false;
  try {
    isKept = await keep(content);
  } finally {
    if (!isKept) await blobs.remove(blob.fileName);
  }
  return isKept;
};

/** Stores a file under a new address. Throws M_FORBIDDEN, M_TOO_LARGE, M_INVALID_PARAM. */
export const storeUpload = async (context: UploadContext, upload: Upload): Promise<MediaName> => {
  const { config, db, now, randomBytes } = context;
  await checkUpload(context, upload);
  const name = { origin: config.serverName, mediaId: randomBytes(18).toString('base64url') };
  await store(context, upload, (content) =>
    transact(db, (tx) =>
      insertMedia(tx, { ...name, content, uploadedBy: upload.userId, createdAt: now() }),
    ),
  );
  return name;
};

const cannotOverwrite = () =>
  new MatrixError('M_CANNOT_OVERWRITE_MEDIA', 'the address has its content already');

/** Stores a file at an address reserved before. Throws M_NOT_FOUND, M_FORBIDDEN, M_CANNOT_OVERWRITE_MEDIA, M_TOO_LARGE. */
// https://spec.matrix.org/v1.19/client-server-api/#put_matrixmediav3uploadservernamemediaid
export const storeReservedUpload = async (
  context: UploadContext,
  name: MediaName,
  upload: Upload,
): Promise<void> => {
  const { config, db, now } = context;
  const media = name.origin === config.serverName ? await readMedia(db, name) : undefined;
  if (!media) throw new MatrixError('M_NOT_FOUND', 'the address was not reserved');
  if (media.uploadedBy !== upload.userId) {
    throw new MatrixError('M_FORBIDDEN', 'the address was reserved by another user');
  }
  if (media.content) throw cannotOverwrite();
  if (media.createdAt + limits.mediaReservedMs < now()) {
    throw new MatrixError('M_NOT_FOUND', 'the address was reserved too long ago');
  }
  await checkUpload(context, upload);
  const isKept = await store(context, upload, (content) =>
    transact(db, (tx) => fillMedia(tx, name, content)),
  );
  if (!isKept) throw cannotOverwrite();
};
