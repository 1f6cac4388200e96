import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { downloadMedia } from './download-media.ts';

export const getContentOverrideNameAuthed: Handler<
  typeof clientServer.getContentOverrideNameAuthed
> = async (context, request) => downloadMedia(context, request, request.params.fileName);
