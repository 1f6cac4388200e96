import { Readable } from 'node:stream';
import { PeerError, type PeerStream } from '@candor/federation/transport';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import {
  dropOldCopies,
  insertMedia,
  type MediaContent,
  type MediaName,
  readMedia,
  readMediaBytes,
} from '../storage/media.ts';
import { contentTypeOf } from './content-type.ts';
import { boundaryOf, type Part, readSecondPart } from './read-multipart.ts';

type FetchContext = Pick<Context, 'db' | 'federation' | 'blobs' | 'now' | 'log'>;

const refusalOf = (error: unknown): unknown => {
  if (error instanceof MatrixError) return error;
  if (!(error instanceof PeerError)) {
    return new MatrixError('M_UNKNOWN', 'the other server sent no media', {
      status: 502,
      cause: error,
    });
  }
  const { kind, status, errcode, message } = error;
  const options = { cause: error };
  if (kind === 'too-large' || errcode === 'M_TOO_LARGE') {
    // https://spec.matrix.org/v1.19/client-server-api/#content-repo-security-considerations
    return new MatrixError('M_TOO_LARGE', message, { ...options, status: 502 });
  }
  if (status === 404) return new MatrixError('M_NOT_FOUND', 'there is no such media', options);
  if (errcode === 'M_NOT_YET_UPLOADED') return new MatrixError(errcode, message, options);
  if (kind === 'denied' || kind === 'refused-address') {
    return new MatrixError('M_FORBIDDEN', 'this server does not deal with that one', options);
  }
  return new MatrixError(
    kind === 'timeout' ? 'M_CONNECTION_TIMEOUT' : 'M_CONNECTION_FAILED',
    message,
    options,
  );
};

const headerOf = (headers: PeerStream['headers'], name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};

/** What a server that does not know the signed path yet says at the old one. */
const askOldPath = async (
  { federation }: FetchContext,
  { origin, mediaId }: MediaName,
  timeoutMs: number,
): Promise<Part> => {
  const { headers, body } = await federation.client.stream({
    destination: origin,
    method: 'GET',
    path: `/_matrix/media/v3/download/${encodeURIComponent(origin)}/${mediaId}`,
    query: { allow_remote: 'false', timeout_ms: timeoutMs },
    unsigned: true,
    timeoutMs: limits.mediaFetchTimeoutMs,
    maxBytes: limits.mediaUploadBytesMax,
  });
  const named = ['content-type', 'content-disposition'].flatMap((name) => {
    const value = headerOf(headers, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { headers: new Map(named), body };
};

// https://spec.matrix.org/v1.19/server-server-api/#content-repository
const askServer = async (
  context: FetchContext,
  name: MediaName,
  timeoutMs: number,
): Promise<Part> => {
  try {
    const { headers, body } = await context.federation.client.stream({
      destination: name.origin,
      method: 'GET',
      path: `/_matrix/federation/v1/media/download/${name.mediaId}`,
      query: { timeout_ms: timeoutMs },
      timeoutMs: limits.mediaFetchTimeoutMs,
      maxBytes: limits.mediaUploadBytesMax + 2 * limits.multipartHeaderBytesMax,
    });
    const boundary = boundaryOf(headerOf(headers, 'content-type'));
    if (boundary === undefined) {
      await body.discard();
      throw new Error('the answer is not multipart/mixed');
    }
    const part = await readSecondPart(body, boundary);
    if (!part.headers.has('location')) return part;
    await part.body[Symbol.asyncIterator]().return?.();
    // Nothing here fetches from addresses that others name.
    throw new Error('the answer leads elsewhere');
  } catch (error) {
    const isOld = error instanceof PeerError && error.errcode === 'M_UNRECOGNIZED';
    if (!isOld) throw error;
    return askOldPath(context, name, timeoutMs);
  }
};

/** The `filename` of a Content-Disposition header. */
const fileNameOf = (disposition = ''): string | undefined => {
  const encoded = /filename\*=utf-8'[^']*'([^\s;]+)/i.exec(disposition)?.[1];
  const plain = /filename=(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/i.exec(disposition);
  let name = plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2];
  try {
    if (encoded !== undefined) name = decodeURIComponent(encoded);
  } catch {
    // A name that is not what it says is no name.
  }
  return name?.replaceAll('\0', '').slice(0, limits.mediaFileNameLengthMax);
};

/** Makes room for new copies once all of them together are too much. */
const dropExcess = async ({ db, blobs }: FetchContext): Promise<void> => {
  const excess = (await readMediaBytes(db)) - limits.mediaCopiesBytesMax;
  if (excess <= 0) return;
  const dropped = await transact(db, (tx) => dropOldCopies(tx, excess));
  for (const fileName of dropped) await blobs.remove(fileName);
};

const copy = async (
  context: FetchContext,
  name: MediaName,
  timeoutMs: number,
): Promise<MediaContent> => {
  const { db, blobs, now } = context;
  const { headers, body } = await askServer(context, name, timeoutMs);
  const blob = await blobs.write(Readable.from(body));
  const content = {
    ...blob,
    contentType: contentTypeOf(headers.get('content-type')),
    uploadName: fileNameOf(headers.get('content-disposition')),
  };
  const media = { ...name, content, uploadedBy: undefined, createdAt: now() };
  const isNew = await transact(db, (tx) => insertMedia(tx, media));
  if (!isNew) await blobs.remove(blob.fileName);
  return isNew ? content : ((await readMedia(db, name))?.content ?? content);
};

/**
 * Copies another server's file to this one, once for all who ask. Throws M_NOT_FOUND, M_NOT_YET_UPLOADED, M_FORBIDDEN,
 * and with 502 or 504 what went wrong on the way.
 */
export const fetchRemoteMedia = async (
  context: FetchContext,
  { name, timeoutMs }: { readonly name: MediaName; readonly timeoutMs: number | undefined },
): Promise<MediaContent> => {
  const waitMs = Math.min(timeoutMs ?? limits.mediaTimeoutMsDefault, limits.mediaTimeoutMsMax);
  return context.blobs.once(`${name.origin}/${name.mediaId}`, async () => {
    try {
      const content = await copy(context, name, waitMs);
      await dropExcess(context);
      return content;
    } catch (error) {
      throw refusalOf(error);
    }
  });
};
