import Type from 'typebox';
import { field } from '../fields.ts';

const text = {
  body: Type.String(),
  format: Type.Optional(Type.String()),
  formatted_body: Type.Optional(Type.String()),
};
const file = {
  ...text,
  filename: Type.Optional(Type.String()),
  url: Type.Optional(field.mxcUri),
  file: Type.Optional(field.object),
  info: Type.Optional(field.object),
};

/** Content schema of each `msgtype` of `m.room.message`. */
// https://spec.matrix.org/v1.19/client-server-api/#mroommessage-msgtypes
export const messageContent = {
  'm.text': Type.Object({ msgtype: Type.Literal('m.text'), ...text }),
  'm.emote': Type.Object({ msgtype: Type.Literal('m.emote'), ...text }),
  'm.notice': Type.Object({ msgtype: Type.Literal('m.notice'), ...text }),
  'm.image': Type.Object({ msgtype: Type.Literal('m.image'), ...file }),
  'm.file': Type.Object({ msgtype: Type.Literal('m.file'), ...file }),
  'm.audio': Type.Object({ msgtype: Type.Literal('m.audio'), ...file }),
  'm.video': Type.Object({ msgtype: Type.Literal('m.video'), ...file }),
  'm.location': Type.Object({
    msgtype: Type.Literal('m.location'),
    body: Type.String(),
    geo_uri: Type.String({ pattern: '^geo:' }),
    info: Type.Optional(field.object),
  }),
  'm.server_notice': Type.Object({
    msgtype: Type.Literal('m.server_notice'),
    body: Type.String(),
    server_notice_type: Type.String(),
    admin_contact: Type.Optional(Type.String()),
    limit_type: Type.Optional(Type.String()),
  }),
} as const;
