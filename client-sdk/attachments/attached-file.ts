import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isObject, type JsonObject } from '@candor/federation';
import { clientServer, isServerName, limits } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { RequestError } from '../api/request-error.ts';
import { CandorError } from '../candor-error.ts';
import { memberOf } from '../signal/member-of.ts';
import { encryptAttachment } from './encrypted-file.ts';

/** A file to send: from the disk, or from memory. */
export type FileToSend = (
  | { readonly path: string; readonly name?: string }
  | { readonly bytes: Uint8Array; readonly name: string }
) & { readonly type?: string };

const open = async (file: FileToSend) => {
  if ('bytes' in file) {
    return { read: () => [file.bytes], size: file.bytes.length, name: file.name };
  }
  const { size } = await stat(file.path);
  return { read: () => createReadStream(file.path), size, name: file.name ?? basename(file.path) };
};

const kinds = new Set(['image', 'video', 'audio']);
const msgtypeOf = (type: string): string => {
  const [kind = ''] = type.split('/', 1);
  return kinds.has(kind) ? `m.${kind}` : 'm.file';
};

/** Some homeservers hang up on an upload that is too large, and the reason is lost. */
const checkSize = async (api: HomeserverApi, size: number): Promise<void> => {
  const config: unknown = await api.call(clientServer.getConfigAuthed, {}).catch(() => undefined);
  const bytesMax = memberOf(config, 'm.upload.size');
  if (typeof bytesMax !== 'number' || size <= bytesMax) return;
  throw new CandorError(
    'file-too-large',
    `the homeserver takes files of ${bytesMax} bytes at most`,
  );
};

/** Encrypts and uploads a file; gives the content of the message that shows it. Its name, type and size travel there. */
// https://spec.matrix.org/v1.19/client-server-api/#sending-encrypted-attachments
const upload = async (api: HomeserverApi, file: FileToSend): Promise<JsonObject> => {
  const { read, size, name } = await open(file);
  await checkSize(api, size);
  const { type = 'application/octet-stream' } = file;
  const encrypted = encryptAttachment(read());
  const { content_uri: url } = await api.call(clientServer.uploadContent, {
    body: ReadableStream.from(encrypted.ciphertext),
    // Encrypted, it is as long as before; some homeservers want to know.
    bodyBytes: size,
    timeoutMs: limits.clientUploadTimeoutMs,
  });
  return {
    msgtype: msgtypeOf(type),
    body: name,
    filename: name,
    file: { ...encrypted.file(url) },
    info: { mimetype: type, size },
  };
};

/** Server and media id of an `mxc` address; they become parts of a path. */
// https://spec.matrix.org/v1.19/client-server-api/#security-considerations-5
const mediaOf = (url: unknown): { serverName: string; mediaId: string } | undefined => {
  const match = typeof url === 'string' ? /^mxc:\/\/([^/]+)\/([\w-]+)$/.exec(url) : null;
  const [, serverName = '', mediaId = ''] = match ?? [];
  return isServerName(serverName) ? { serverName, mediaId } : undefined;
};

/** The ciphertext of the file that a message shows, and what decrypts it. */
const download = async (api: HomeserverApi, content: JsonObject | null) => {
  const file = memberOf(content, 'file');
  const params = mediaOf(memberOf(file, 'url'));
  if (!isObject(file) || !params) throw new CandorError('not-a-file', 'the message has no file');
  const parts = { params, timeoutMs: limits.clientUploadTimeoutMs };
  try {
    return { file, ciphertext: await api.call(clientServer.getContentAuthed, parts) };
  } catch (error) {
    // Homeservers older than v1.11 know only the other way, for which nobody has to sign in.
    if (!(error instanceof RequestError) || error.errcode !== 'M_UNRECOGNIZED') throw error;
    return { file, ciphertext: await api.call(clientServer.getContent, parts) };
  }
};

export const attachedFile = { upload, download };
