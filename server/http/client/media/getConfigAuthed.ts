import { type clientServer, limits } from '@candor/spec';
import type { Handler } from '../../handler.ts';

export const getConfigAuthed: Handler<typeof clientServer.getConfigAuthed> = async () => ({
  'm.upload.size': limits.mediaUploadBytesMax,
});
