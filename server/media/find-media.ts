import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import {
  type Media,
  type MediaContent,
  type MediaName,
  noteMediaRead,
  readMedia,
} from '../storage/media.ts';
import { fetchRemoteMedia } from './fetch-remote-media.ts';

type FindContext = Pick<
  Context,
  'config' | 'db' | 'notifier' | 'federation' | 'blobs' | 'now' | 'log'
>;

export type MediaRequest = {
  readonly name: MediaName;
  /** How long to wait for a file whose address is only reserved. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
};

const notFound = () => new MatrixError('M_NOT_FOUND', 'there is no such media');

/** Waits until a reserved address has its content, as long as the request allows. Throws M_NOT_YET_UPLOADED. */
const waitForContent = async (
  { db, notifier }: FindContext,
  { name, timeoutMs = limits.mediaTimeoutMsDefault, signal }: MediaRequest,
): Promise<MediaContent> => {
  const timeout = AbortSignal.timeout(Math.min(timeoutMs, limits.mediaTimeoutMsMax));
  const end = AbortSignal.any([signal, timeout]);
  const arrival = Promise.withResolvers<void>();
  const stopListening = notifier.listen(({ change }) => {
    if (change.kind === 'media' && change.mediaId === name.mediaId) arrival.resolve();
  });
  end.addEventListener('abort', () => arrival.resolve(), { once: true });
  try {
    // It may have come while nobody listened yet.
    const before = (await readMedia(db, name))?.content;
    if (before) return before;
    if (!end.aborted) await arrival.promise;
  } finally {
    stopListening();
  }
  const content = (await readMedia(db, name))?.content;
  if (content) return content;
  throw new MatrixError('M_NOT_YET_UPLOADED', 'the file has not been uploaded yet');
};

const isExpired = ({ content, createdAt }: Media, now: number): boolean =>
  !content && createdAt + limits.mediaReservedMs < now;

/** A file of this server, waited for when it is on its way. Throws M_NOT_FOUND, M_NOT_YET_UPLOADED. */
export const findLocalMedia = async (
  context: FindContext,
  request: MediaRequest,
): Promise<MediaContent> => {
  const media = await readMedia(context.db, request.name);
  if (!media || isExpired(media, context.now())) throw notFound();
  return media.content ?? waitForContent(context, request);
};

/** A file of this server, or a copy of another server's. Throws also what fetching throws. */
export const findMedia = async (
  context: FindContext,
  request: MediaRequest,
): Promise<MediaContent> => {
  const { config, db, now } = context;
  const { name } = request;
  if (name.origin === config.serverName) return findLocalMedia(context, request);
  const copy = await readMedia(db, name);
  if (!copy?.content) return fetchRemoteMedia(context, request);
  await noteMediaRead(db, name, now());
  return copy.content;
};
