import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isObject, type JsonObject } from '@candor/federation';
import { clientServer, isServerName, limits } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { CandorError } from '../candor-error.ts';
import { memberOf } from '../signal/member-of.ts';
import { encryptAttachment } from './encrypted-file.ts';

/** A file to send: from the disk, or from memory. */
export type FileToSend = (
  | { readonly path: string; readonly name?: string }
  | { readonly bytes: Uint8Array; readonly name: string }
) & { readonly type?: string };

const open = async (file: FileToSend) => {
  if ('bytes' in file) return { chunks: [file.bytes], size: file.bytes.length, name: file.name };
  const { size } = await stat(file.path);
  const chunks = createReadStream(file.path);
  return { chunks, size, name: file.name ?? basename(file.path) };
};

const kinds = new Set(['image', 'video', 'audio']);
const msgtypeOf = (type: string): string => {
  const [kind = ''] = type.split('/', 1);
  return kinds.has(kind) ? `m.${kind}` : 'm.file';
};

/** Encrypts and uploads a file; gives the content of the message that shows it. Its name, type and size travel there. */
// https://spec.matrix.org/v1.19/client-server-api/#sending-encrypted-attachments
const upload = async (api: HomeserverApi, file: FileToSend): Promise<JsonObject> => {
  const { chunks, size, name } = await open(file);
  const { type = 'application/octet-stream' } = file;
  const encrypted = encryptAttachment(chunks);
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
  const timeoutMs = limits.clientUploadTimeoutMs;
  const ciphertext = await api.call(clientServer.getContentAuthed, { params, timeoutMs });
  return { file, ciphertext };
};

export const attachedFile = { upload, download };
