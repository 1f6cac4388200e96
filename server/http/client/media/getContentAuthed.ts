import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { downloadMedia } from './download-media.ts';

export const getContentAuthed: Handler<typeof clientServer.getContentAuthed> = async (
  context,
  request,
) => downloadMedia(context, request);
