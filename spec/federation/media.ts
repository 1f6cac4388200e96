import Type from 'typebox';
import { field } from '../fields.ts';
import { operation } from '../operation.ts';

const ofMedia = Type.Object({ mediaId: field.opaqueId });
const timeout_ms = Type.Optional(field.durationMs);

export const getContent = operation({
  id: 'getContent',
  method: 'GET',
  path: '/_matrix/federation/v1/media/download/{mediaId}',
  summary: 'Gives a file of this server as `multipart/mixed`.',
  auth: 'signedRequest',
  rateLimit: 'media',
  params: ofMedia,
  query: Type.Object({ timeout_ms }),
  response: 'bytes',
});

export const getContentThumbnail = operation({
  id: 'getContentThumbnail',
  method: 'GET',
  path: '/_matrix/federation/v1/media/thumbnail/{mediaId}',
  summary: 'Gives a small picture of a file of this server as `multipart/mixed`.',
  auth: 'signedRequest',
  rateLimit: 'media',
  params: ofMedia,
  query: Type.Object({
    width: Type.Integer({ minimum: 1 }),
    height: Type.Integer({ minimum: 1 }),
    method: Type.Optional(Type.Enum(['crop', 'scale'])),
    animated: Type.Optional(Type.Boolean()),
    timeout_ms,
  }),
  response: 'bytes',
});
