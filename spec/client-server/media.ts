import Type from 'typebox';
import { field } from '../fields.ts';
import { limits } from '../limits.ts';
import { operation } from '../operation.ts';

const timeout_ms = Type.Optional(field.durationMs);
const mediaParams = { serverName: field.serverName, mediaId: field.opaqueId };
const ofMedia = Type.Object(mediaParams);
const ofNamedMedia = Type.Object({ ...mediaParams, fileName: Type.String() });

const thumbnailQuery = {
  width: Type.Integer({ minimum: 1 }),
  height: Type.Integer({ minimum: 1 }),
  method: Type.Optional(Type.Enum(['crop', 'scale'])),
  animated: Type.Optional(Type.Boolean()),
  timeout_ms,
};
/** Only the unauthenticated paths of old have these. */
const oldQuery = {
  allow_remote: Type.Optional(Type.Boolean()),
  allow_redirect: Type.Optional(Type.Boolean()),
};

const previewQuery = Type.Object({ url: Type.String(), ts: Type.Optional(field.timestampMs) });
const config = Type.Object({ 'm.upload.size': Type.Optional(field.count) });
const uploaded = Type.Object({ content_uri: field.mxcUri });

export const uploadContent = operation({
  id: 'uploadContent',
  method: 'POST',
  path: '/_matrix/media/v3/upload',
  summary: 'Stores a file and gives its address.',
  auth: 'accessToken',
  rateLimit: 'media',
  bodyBytesMax: limits.mediaUploadBytesMax,
  query: Type.Object({ filename: Type.Optional(Type.String()) }),
  body: 'bytes',
  response: uploaded,
});

export const createContent = operation({
  id: 'createContent',
  method: 'POST',
  path: '/_matrix/media/v1/create',
  summary: 'Reserves an address for a file that is uploaded afterwards.',
  auth: 'accessToken',
  rateLimit: 'media',
  response: Type.Object({
    ...uploaded.properties,
    unused_expires_at: Type.Optional(field.timestampMs),
  }),
});

export const uploadContentToMXC = operation({
  id: 'uploadContentToMXC',
  method: 'PUT',
  path: '/_matrix/media/v3/upload/{serverName}/{mediaId}',
  summary: 'Stores a file at a reserved address.',
  auth: 'accessToken',
  rateLimit: 'media',
  bodyBytesMax: limits.mediaUploadBytesMax,
  params: ofMedia,
  query: Type.Object({ filename: Type.Optional(Type.String()) }),
  body: 'bytes',
  response: field.empty,
});

export const getContentAuthed = operation({
  id: 'getContentAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/download/{serverName}/{mediaId}',
  summary: 'Downloads a file.',
  auth: 'accessToken',
  rateLimit: 'media',
  params: ofMedia,
  query: Type.Object({ timeout_ms }),
  response: 'bytes',
});

export const getContentOverrideNameAuthed = operation({
  id: 'getContentOverrideNameAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}',
  summary: 'Downloads a file under another name.',
  auth: 'accessToken',
  rateLimit: 'media',
  params: ofNamedMedia,
  query: Type.Object({ timeout_ms }),
  response: 'bytes',
});

export const getContentThumbnailAuthed = operation({
  id: 'getContentThumbnailAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}',
  summary: 'Downloads a small picture of a file.',
  auth: 'accessToken',
  rateLimit: 'media',
  params: ofMedia,
  query: Type.Object(thumbnailQuery),
  response: 'bytes',
});

export const getConfigAuthed = operation({
  id: 'getConfigAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/config',
  summary: 'Tells how large an upload may be, in bytes.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  response: config,
});

export const getUrlPreviewAuthed = operation({
  id: 'getUrlPreviewAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/preview_url',
  summary: 'Gives a preview of a web page.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  query: previewQuery,
  response: field.object,
});

export const getContent = operation({
  id: 'getContent',
  method: 'GET',
  path: '/_matrix/media/v3/download/{serverName}/{mediaId}',
  summary: 'Downloads a file that was uploaded before media asked for a token.',
  auth: 'none',
  rateLimit: 'media',
  deprecated: true,
  params: ofMedia,
  query: Type.Object({ ...oldQuery, timeout_ms }),
  response: 'bytes',
});

export const getContentOverrideName = operation({
  id: 'getContentOverrideName',
  method: 'GET',
  path: '/_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}',
  summary: 'The same under another name.',
  auth: 'none',
  rateLimit: 'media',
  deprecated: true,
  params: ofNamedMedia,
  query: Type.Object({ ...oldQuery, timeout_ms }),
  response: 'bytes',
});

export const getContentThumbnail = operation({
  id: 'getContentThumbnail',
  method: 'GET',
  path: '/_matrix/media/v3/thumbnail/{serverName}/{mediaId}',
  summary: 'Downloads a small picture of a file uploaded before media asked for a token.',
  auth: 'none',
  rateLimit: 'media',
  deprecated: true,
  params: ofMedia,
  query: Type.Object({ ...thumbnailQuery, ...oldQuery }),
  response: 'bytes',
});

export const getConfig = operation({
  id: 'getConfig',
  method: 'GET',
  path: '/_matrix/media/v3/config',
  summary: 'Tells how large an upload may be, at its old path.',
  auth: 'accessToken',
  rateLimit: 'ordinary',
  deprecated: true,
  response: config,
});

export const getUrlPreview = operation({
  id: 'getUrlPreview',
  method: 'GET',
  path: '/_matrix/media/v3/preview_url',
  summary: 'Gives a preview of a web page, at its old path.',
  auth: 'accessToken',
  rateLimit: 'expensive',
  deprecated: true,
  query: previewQuery,
  response: field.object,
});
