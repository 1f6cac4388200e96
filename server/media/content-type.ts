// https://spec.matrix.org/v1.19/client-server-api/#serving-inline-content
const inlineTypes: ReadonlySet<string> = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
]);

const contentTypePattern = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(?: *;[ !-~]{0,255})?$/;

/** What a file says it is, where that can go into a header again. */
export const contentTypeOf = (header: string | undefined): string =>
  header !== undefined && contentTypePattern.test(header) ? header : 'application/octet-stream';

/** Whether browsers may show the type where they found it. */
export const isInlineType = (contentType: string): boolean =>
  inlineTypes.has((contentType.split(';')[0] ?? '').trim().toLowerCase());

const quoted = (name: string): string =>
  /^[ !#-[\]-~]*$/.test(name)
    ? `filename="${name}"`
    : `filename*=utf-8''${encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`;

/** `inline` for types that cannot do harm, otherwise `attachment`; with the file's name where it has one. */
export const contentDisposition = (contentType: string, fileName: string | undefined): string => {
  const disposition = isInlineType(contentType) ? 'inline' : 'attachment';
  return fileName === undefined ? disposition : `${disposition}; ${quoted(fileName)}`;
};
